<?php

declare(strict_types=1);

namespace SecurityDesk\Agent;

use Ossa\Runtime\ChannelDelivery;
use Ossa\SymfonyRuntime\Attribute\AsChannelListener;
use Ossa\SymfonyRuntime\Message\OssaChannelMessage;
use SecurityDesk\Logbook;

/** Keeps the records. */
#[AsChannelListener(agent: 'auditor')]
final readonly class Auditor
{
    public function __construct(private Logbook $logbook)
    {
    }

    /** @param array<string, mixed> $payload what the transform "record" leaves of a message */
    public function __invoke(array $payload, OssaChannelMessage $message, ?ChannelDelivery $delivery = null): void
    {
        $this->logbook->note('auditor', \sprintf('%s from %s: %s', $message->getChannel(), $message->getSource(), json_encode(array_filter($payload, static fn (mixed $value): bool => null !== $value), \JSON_UNESCAPED_SLASHES | \JSON_THROW_ON_ERROR)), $delivery);
    }
}
