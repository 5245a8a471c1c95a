<?php

declare(strict_types=1);

namespace SecurityDesk\Agent;

use Ossa\Runtime\ChannelDelivery;
use Ossa\SymfonyRuntime\Attribute\AsChannelListener;
use SecurityDesk\Logbook;

/** Calls whoever is on duty; of one package it does not know who that is. */
#[AsChannelListener(agent: 'incident-responder')]
final readonly class IncidentResponder
{
    private const ON_DUTY = ['symfony/http-kernel' => 'Ada', 'guzzlehttp/psr7' => 'Grace'];

    public function __construct(private Logbook $logbook)
    {
    }

    public function __invoke(string $package, string $cve, ?ChannelDelivery $delivery = null): void
    {
        $onDuty = self::ON_DUTY[$package] ?? throw new NobodyOnDuty(\sprintf('nobody is on duty for %s', $package));
        $this->logbook->note('incident-responder', \sprintf('%s: called %s', $cve, $onDuty), $delivery);
    }
}
