<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Transport;

use Ossa\Runtime\Delivery;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Transport\Receiver\ListableReceiverInterface;

/** A queue in a store, whose messages can be looked at. Those of a message broker cannot. */
final class ListableOssaTransport extends OssaTransport implements ListableReceiverInterface
{
    /** @return iterable<Envelope> */
    public function all(?int $limit = null): iterable
    {
        foreach ($this->calling(fn (): array => $this->queue()->all($limit)) as $delivery) {
            yield $this->envelope($delivery, false);
        }
    }

    public function find(mixed $id): ?Envelope
    {
        $delivery = \is_string($id) || \is_int($id) ? $this->calling(fn (): ?Delivery => $this->queue()->find((string) $id)) : null;

        return null === $delivery ? null : $this->envelope($delivery, false);
    }
}
