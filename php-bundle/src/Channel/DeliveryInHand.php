<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Channel;

use Ossa\Runtime\ChannelDelivery;
use Ossa\Runtime\Channels;
use Symfony\Component\Messenger\Stamp\NonSendableStampInterface;

/**
 * A delivery that this worker has, until it was told how it ended. Only the first end counts.
 *
 * @internal
 */
final class DeliveryInHand implements NonSendableStampInterface
{
    private bool $ended = false;

    public function __construct(
        public readonly ChannelDelivery $delivery,
        private readonly Channels $channels,
    ) {
    }

    public function ack(): void
    {
        if ($this->ends()) {
            $this->channels->ack($this->delivery);
        }
    }

    /**
     * @param array{code?: string, message?: string, class?: string|null, retryable?: bool|null, retry_after_ms?: int|null, details?: mixed} $error
     *
     * @return array{outcome: 'retry'|'dead_letter'|'handed_over'|'dropped', retry_at_ms: ?int, dead_letter_channel: ?string, subscriber: ?string}|null null when it had ended before
     */
    public function fail(array $error): ?array
    {
        return $this->ends() ? $this->channels->fail($this->delivery, array_filter($error, static fn (mixed $value): bool => null !== $value)) : null;
    }

    public function release(): void
    {
        if ($this->ends()) {
            $this->channels->release($this->delivery);
        }
    }

    public function extend(int $seconds): void
    {
        if (!$this->ended) {
            $this->channels->extend($this->delivery, $seconds);
        }
    }

    private function ends(): bool
    {
        $before = $this->ended;
        $this->ended = true;

        return !$before;
    }
}
