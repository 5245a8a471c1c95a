<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Transport;

use Ossa\Runtime\ChannelDelivery;
use Ossa\Runtime\Channels;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\SymfonyRuntime\Channel\ChannelPublisher;
use Ossa\SymfonyRuntime\Channel\DeliveredMessage;
use Ossa\SymfonyRuntime\Channel\DeliveryInHand;
use Ossa\SymfonyRuntime\Channel\ListenerSubscriptions;
use Ossa\SymfonyRuntime\Message\OssaChannelMessage;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Exception\LogicException;
use Symfony\Component\Messenger\Exception\TransportException;
use Symfony\Component\Messenger\Stamp\TransportMessageIdStamp;
use Symfony\Component\Messenger\Transport\Receiver\MessageCountAwareInterface;
use Symfony\Component\Messenger\Transport\TransportInterface;

/**
 * Channels as a Messenger transport: what is sent is published, what is received is for the listeners.
 *
 * How often a message is tried, and what becomes of one that keeps failing, is the engine's business: the middleware of
 * this bundle tells it how a message ended, and Messenger sees each as handled.
 *
 * Made by {@see ChannelTransportFactory}.
 */
final class ChannelTransport implements TransportInterface, MessageCountAwareInterface, KeepaliveReceiver, NativeTransport
{
    private const KEPT_SECONDS = 30;

    private ?Channels $channels = null;
    /** Taken to see whether there is one, and handed out next. */
    private ?ChannelDelivery $ahead = null;

    /**
     * @param \Closure(): Channels              $open
     * @param \Closure(): ChannelPublisher      $publisher
     * @param \Closure(): ListenerSubscriptions $subscriptions
     * @param list<string>                      $subscribers   for whom messages are taken
     */
    public function __construct(
        private readonly \Closure $open,
        private readonly \Closure $publisher,
        private readonly \Closure $subscriptions,
        private readonly array $subscribers,
        private readonly WorkerTransports $worker,
        private readonly string $name,
    ) {
    }

    public function getName(): string
    {
        return $this->name;
    }

    /**
     * @param int $fetchSize how many messages to yield at most; workers pass it from Symfony 8.1 on
     *
     * @return iterable<Envelope>
     */
    public function get(int $fetchSize = 1): iterable
    {
        // One at a time: when the worker stops in between, nothing is left in its hands.
        for ($fetched = 0; $fetched < $fetchSize; ++$fetched) {
            $delivery = $this->receive() ?? (0 === $fetched ? $this->worker->await($this, $this->take(...)) : null);
            if (null === $delivery) {
                return;
            }
            yield $this->envelope($delivery);
        }
    }

    public function send(Envelope $envelope): Envelope
    {
        $message = $envelope->getMessage();
        if (!$message instanceof OssaChannelMessage) {
            throw new LogicException(\sprintf('The transport "%s" carries messages of channels only: dispatch an "%s".', $this->name, OssaChannelMessage::class));
        }
        $id = $this->calling(fn (): string => ($this->publisher)()->publishMessage($message));

        return $envelope->with(new TransportMessageIdStamp($id));
    }

    /** The middleware has told how it ended; where it was not called, the message counts as handled. */
    public function ack(Envelope $envelope): void
    {
        $this->calling(static fn () => self::inHand($envelope)->ack());
    }

    public function reject(Envelope $envelope): void
    {
        $this->calling(static fn () => self::inHand($envelope)->fail(['code' => 'REJECTED', 'message' => 'the worker rejected the message']));
    }

    public function keepalive(Envelope $envelope, ?int $seconds = null): void
    {
        $this->calling(static fn () => self::inHand($envelope)->extend($seconds ?? self::KEPT_SECONDS));
    }

    public function getMessageCount(): int
    {
        return $this->calling(function (): int {
            $count = 0;
            foreach ($this->channels()->subscribers() as $subscriber) {
                if (\in_array($subscriber['name'] ?? null, $this->subscribers, true)) {
                    $count += self::number($subscriber, 'ready') + self::number($subscriber, 'delayed') + self::number($subscriber, 'leased');
                }
            }

            return $count;
        });
    }

    public function isReady(): bool
    {
        return null !== $this->ahead ??= $this->take(0);
    }

    public function findings(): array
    {
        return [];
    }

    public function close(): void
    {
        $ahead = $this->ahead;
        $this->ahead = null;
        if (null !== $ahead) {
            $this->calling(fn () => $this->channels()->release($ahead));
        }
    }

    private function receive(): ?ChannelDelivery
    {
        $ahead = $this->ahead;
        $this->ahead = null;

        return $ahead ?? $this->take(0);
    }

    private function take(int $waitMs): ?ChannelDelivery
    {
        if ([] === $this->subscribers) {
            return null;
        }

        return $this->calling(fn (): ?ChannelDelivery => $this->channels()->receive($this->subscribers, 1, $waitMs)[0] ?? null);
    }

    private function envelope(ChannelDelivery $delivery): Envelope
    {
        return new Envelope(DeliveredMessage::of($delivery), [
            new DeliveryInHand($delivery, $this->channels()),
            new TransportMessageIdStamp($delivery->getMessageId()),
        ]);
    }

    private function channels(): Channels
    {
        if (null === $this->channels) {
            ($this->subscriptions)()->register();
            $this->channels = ($this->open)();
        }

        return $this->channels;
    }

    private static function inHand(Envelope $envelope): DeliveryInHand
    {
        return $envelope->last(DeliveryInHand::class) ?? throw new LogicException('The message was not received from this transport.');
    }

    /** @param array<string, mixed> $subscriber */
    private static function number(array $subscriber, string $key): int
    {
        return \is_int($subscriber[$key] ?? null) ? $subscriber[$key] : 0;
    }

    /**
     * @template T
     *
     * @param \Closure(): T $call
     *
     * @return T
     *
     * @throws TransportException
     */
    private function calling(\Closure $call): mixed
    {
        try {
            return $call();
        } catch (EngineException $exception) {
            throw new TransportException($exception->getMessage(), 0, $exception);
        }
    }
}
