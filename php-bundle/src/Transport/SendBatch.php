<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Transport;

use Symfony\Component\Messenger\Envelope;

/**
 * Holds back what is sent to ossa transports for as long as a batch is open, and then sends it with one write for each.
 *
 * @internal
 */
final class SendBatch
{
    /** @var array<int, non-empty-list<Envelope>>|null by object id of the transport; null when no batch is open */
    private ?array $held = null;
    /** @var array<int, OssaTransport> */
    private array $transports = [];

    /** @return bool whether the envelope is held back; otherwise the transport sends it itself */
    public function hold(OssaTransport $transport, Envelope $envelope): bool
    {
        if (null === $this->held) {
            return false;
        }
        $this->transports[spl_object_id($transport)] = $transport;
        $this->held[spl_object_id($transport)][] = $envelope;

        return true;
    }

    /** @param \Closure(): void $sending when it throws, nothing of the batch is sent */
    public function collect(\Closure $sending): void
    {
        if (null !== $this->held) {
            // Part of the batch that is open.
            $sending();

            return;
        }
        $this->held = [];
        try {
            $sending();
            $held = $this->held ?? [];
            $transports = $this->transports;
        } finally {
            $this->held = null;
            $this->transports = [];
        }
        foreach ($held as $id => $envelopes) {
            $transports[$id]->sendMany($envelopes);
        }
    }
}
