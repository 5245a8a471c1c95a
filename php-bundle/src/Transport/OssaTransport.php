<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Transport;

use Ossa\Runtime\Delivery;
use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\Runtime\Transport;
use Ossa\SymfonyRuntime\Message\OssaStepMessage;
use Ossa\SymfonyRuntime\Stamp\DeadLetterStamp;
use Ossa\SymfonyRuntime\Stamp\PriorityStamp;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Exception\LogicException;
use Symfony\Component\Messenger\Exception\TransportException;
use Symfony\Component\Messenger\Stamp\DelayStamp;
use Symfony\Component\Messenger\Stamp\TransportMessageIdStamp;
use Symfony\Component\Messenger\Transport\Receiver\MessageCountAwareInterface;
use Symfony\Component\Messenger\Transport\Receiver\QueueReceiverInterface;
use Symfony\Component\Messenger\Transport\Serialization\SerializerInterface;
use Symfony\Component\Messenger\Transport\SetupableTransportInterface;
use Symfony\Component\Messenger\Transport\TransportInterface;

/**
 * A queue of the engine's store, or of one of its own, as a Messenger transport. It carries any message; step items that
 * the engine put into the queue arrive as {@see OssaStepMessage}.
 *
 * Made by {@see OssaTransportFactory}.
 */
class OssaTransport implements TransportInterface, QueueReceiverInterface, MessageCountAwareInterface, SetupableTransportInterface, KeepaliveReceiver, NativeTransport
{
    /** @var array<string, Transport> by queue */
    private array $queues = [];

    /** @param \Closure(): Engine $engine */
    public function __construct(
        private readonly \Closure $engine,
        private readonly OssaDsn $dsn,
        private readonly SerializerInterface $serializer,
        private readonly WorkerTransports $worker,
        private readonly SendBatch $batch,
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
        return $this->fetch([$this->dsn->queue], $fetchSize);
    }

    /** @return iterable<Envelope> */
    public function getFromQueues(array $queueNames, int $fetchSize = 1): iterable
    {
        return $this->fetch(array_values($queueNames), $fetchSize);
    }

    public function send(Envelope $envelope): Envelope
    {
        return $this->batch->hold($this, $envelope) ? $envelope : $this->sendMany([$envelope])[0];
    }

    /**
     * Sends all of them, or none, with one durable write.
     *
     * @param list<Envelope> $envelopes
     *
     * @return ($envelopes is non-empty-list ? non-empty-list<Envelope> : list<Envelope>)
     */
    public function sendMany(array $envelopes): array
    {
        $messages = array_map($this->message(...), $envelopes);
        $ids = $this->calling(fn (): array => $this->queue()->sendMany($messages));

        return array_map(static fn (Envelope $envelope, string $id): Envelope => $envelope->with(new TransportMessageIdStamp($id)), $envelopes, $ids);
    }

    public function ack(Envelope $envelope): void
    {
        $received = $this->held($envelope);
        try {
            $this->queue($received->queue)->ack($received->id);
        } catch (EngineException $exception) {
            throw self::failed($exception);
        }
    }

    /**
     * Removes a message that failed. A copy was sent before, for the retry or to the failure transport; when none was,
     * the message is kept in the dead-letter queue. The item of a step is the engine's: unless a result of its attempt
     * was reported, the attempt counts as failed.
     */
    public function reject(Envelope $envelope): void
    {
        $received = $this->held($envelope);
        $queue = $this->queue($received->queue);
        if (null !== $received->token) {
            $this->calling(static fn () => $queue->reject($received->id));

            return;
        }
        if (null !== $envelope->last(DeadLetterStamp::class)) {
            // Not left to the queue, which would keep it without the reason of its failure.
            $encoded = $this->serializer->encode($envelope);
            $this->calling(fn () => $this->queue($this->dsn->deadLetterQueue)->send($encoded['body'], EncodedHeaders::toText($encoded['headers'] ?? [])));
        }
        $this->calling(static fn () => $queue->ack($received->id));
    }

    /** Gives a message back unhandled. */
    public function release(Envelope $envelope): void
    {
        $received = $this->held($envelope);
        $this->calling(fn () => $this->queue($received->queue)->release($received->id));
    }

    public function keepalive(Envelope $envelope, ?int $seconds = null): void
    {
        $received = $this->held($envelope);
        $this->calling(fn () => $this->queue($received->queue)->keepalive($received->id, $seconds));
    }

    public function getMessageCount(): int
    {
        return $this->calling(fn (): int => $this->queue()->count());
    }

    /**
     * What keeps a store or broker of its own from its promise although it works. Of the engine's store, the engine tells.
     *
     * @internal
     *
     * @return list<array{found: string, risk: string, remedy: string}>
     */
    public function findings(): array
    {
        return null === $this->dsn->getStore() ? [] : $this->calling(fn (): array => $this->queue()->findings());
    }

    public function setup(): void
    {
        $this->calling(fn () => $this->queue()->setup());
    }

    /** Writes out what was acknowledged. */
    public function flush(): void
    {
        foreach ($this->queues as $queue) {
            $this->calling(static fn () => $queue->flush());
        }
    }

    /** Writes out what was acknowledged and gives back what was not handed out; the next call opens the queue again. */
    public function close(): void
    {
        foreach ($this->queues as $queue) {
            $this->calling(static fn () => $queue->close());
        }
        $this->queues = [];
    }

    /** Whether a message could be had at once. */
    public function isReady(): bool
    {
        return $this->calling(fn (): bool => $this->queue()->isReady());
    }

    /**
     * Takes one message at a time: when the worker stops in between, nothing is left in its hands.
     *
     * @param list<string> $queues
     *
     * @return iterable<Envelope>
     */
    private function fetch(array $queues, int $fetchSize): iterable
    {
        if ($fetchSize <= 1) {
            $delivery = $this->receive($queues) ?? $this->await($queues);

            return null === $delivery ? [] : [$this->envelope($delivery, true)];
        }

        return $this->several($queues, $fetchSize);
    }

    /**
     * @param list<string> $queues
     *
     * @return iterable<Envelope>
     */
    private function several(array $queues, int $fetchSize): iterable
    {
        for ($fetched = 0; $fetched < $fetchSize; ++$fetched) {
            $delivery = $this->receive($queues) ?? (0 === $fetched ? $this->await($queues) : null);
            if (null === $delivery) {
                return;
            }
            yield $this->envelope($delivery, true);
        }
    }

    /** @return array{body: string, headers: string, delay_ms: non-negative-int, priority: string} */
    private function message(Envelope $envelope): array
    {
        $encoded = $this->serializer->encode($envelope);

        return [
            'body' => $encoded['body'],
            'headers' => EncodedHeaders::toText($encoded['headers'] ?? []),
            'delay_ms' => max(0, $envelope->last(DelayStamp::class)?->getDelay() ?? 0),
            'priority' => $envelope->last(PriorityStamp::class)->priority ?? PriorityStamp::NORMAL,
        ];
    }

    /** @param list<string> $queues */
    private function receive(array $queues, int $waitMs = 0): ?Delivery
    {
        try {
            foreach ($queues as $queue) {
                $deliveries = $this->queue($queue)->receive(1, $waitMs);
                if ([] !== $deliveries) {
                    return $deliveries[0];
                }
            }
        } catch (EngineException $exception) {
            throw self::failed($exception);
        }

        return null;
    }

    /** @param list<string> $queues */
    private function await(array $queues): ?Delivery
    {
        return $this->worker->await(
            $this,
            fn (int $waitMs): ?Delivery => $this->receive(\array_slice($queues, 0, 1), $waitMs) ?? $this->receive(\array_slice($queues, 1)),
            1 === \count($queues),
        );
    }

    protected function envelope(Delivery $delivery, bool $held): Envelope
    {
        return DeliveredEnvelope::of($delivery, $this->serializer, $this->name, $held);
    }

    /** Where the message is; takes it first if it was found by its id, as `messenger:failed:retry ID` does. */
    private function held(Envelope $envelope): ReceivedFromQueueStamp
    {
        $received = $envelope->last(ReceivedFromQueueStamp::class) ?? throw new LogicException('The message was not received from this transport.');
        if (!$received->held && !$this->calling(fn (): bool => $this->queue($received->queue)->take($received->id))) {
            throw new TransportException(null === $received->token ? \sprintf('The message "%s" is gone, or a worker has it.', $received->id) : 'A step can only be taken by a worker; to stop it, cancel its run.');
        }

        return $received;
    }

    protected function queue(?string $name = null): Transport
    {
        $name ??= $this->dsn->queue;

        return $this->queues[$name] ??= $this->open(array_filter([
            'queue' => $name,
            // For messages whose workers died again and again.
            'dead_letter_queue' => $this->dsn->deadLetterQueue,
            'prefetch' => $this->dsn->prefetch,
            'ack_bound' => $this->dsn->ackBound,
            'lease_seconds' => $this->dsn->leaseSeconds,
        ], static fn (string|int|null $value): bool => null !== $value));
    }

    /** @param array{queue?: string, dead_letter_queue?: string, prefetch?: int, ack_bound?: int, lease_seconds?: int} $options */
    private function open(array $options): Transport
    {
        $broker = $this->dsn->isBroker ? $this->dsn->getStore() : null;
        if (null === $broker) {
            return ($this->engine)()->transport($options);
        }
        if (!$this->dsn->hasFallback()) {
            return Transport::open($broker, $options);
        }
        $suffix = $this->dsn->getFallbackSuffix();

        return Transport::open($broker, null === $suffix ? $options : $options + ['fallback_suffix' => $suffix], ($this->engine)());
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
    protected function calling(\Closure $call): mixed
    {
        try {
            return $call();
        } catch (EngineException $exception) {
            throw self::failed($exception);
        }
    }

    private static function failed(EngineException $exception): TransportException
    {
        return new TransportException($exception->getMessage(), 0, $exception);
    }
}
