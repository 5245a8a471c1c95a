<?php

declare(strict_types=1);

namespace Ossa\Tests\Application\Handler;

use Ossa\Runtime\ChannelDelivery;
use Ossa\SymfonyRuntime\Attribute\AsChannelListener;
use Ossa\SymfonyRuntime\Attribute\Retry;
use Ossa\SymfonyRuntime\Channel\ChannelPublisher;
use Ossa\SymfonyRuntime\Message\OssaChannelMessage;
use Ossa\Tests\Application\Effects;

/** Takes messages about vulnerabilities, and notes what it got. */
final readonly class SecurityDesk
{
    public function __construct(
        private Effects $effects,
        private ChannelPublisher $publisher,
    ) {
    }

    #[AsChannelListener('security.vulnerabilities', name: 'scanner', filter: ['severity' => ['high', 'critical']])]
    public function scan(string $cve, OssaChannelMessage $message, ?string $severity = null): void
    {
        $this->effects->write(['scanner', $cve, (string) $severity, (string) $message->getSource()]);
        $this->publisher->publish('security.scans', ['cve' => $cve, 'found' => 3]);
    }

    /** @param array<string, mixed> $payload */
    #[AsChannelListener('security.#', name: 'auditor')]
    public function audit(array $payload, OssaChannelMessage $message, ?ChannelDelivery $delivery = null): void
    {
        $this->effects->write(['auditor', $message->getChannel(), (string) json_encode($payload), (string) $message->getCorrelationId(), (string) ($message->getHeaders()['x-ossa-hops'] ?? 0), (string) $delivery?->getAttempt()]);
    }

    #[AsChannelListener('security.incidents', name: 'responder', timeoutSeconds: 2, retry: new Retry(maxAttempts: 2, backoff: 'none'))]
    public function respond(string $incident): void
    {
        $this->effects->write(['responder', $incident]);
        if (str_starts_with($incident, 'broken')) {
            throw new \RuntimeException('no one is on duty');
        }
    }

    #[AsChannelListener('security.reports', name: 'archive', transport: 'archive')]
    public function archive(string $report): void
    {
        $this->effects->write(['archive', $report]);
    }
}
