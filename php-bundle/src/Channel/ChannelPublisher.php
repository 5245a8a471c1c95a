<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Channel;

use Ossa\Runtime\Channels;
use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\SymfonyRuntime\Context\OssaContextProvider;
use Ossa\SymfonyRuntime\Message\OssaChannelMessage;

/**
 * Publishes messages on channels. What is published is durable, together with a delivery for each subscriber, when the
 * call returns.
 *
 * A message that is published while a step or another message is handled belongs to it: it has its correlation id and
 * trace context, and names it as its cause.
 */
final class ChannelPublisher
{
    private const CAUSATION = 'x-causation-id';
    private const HOPS = 'x-ossa-hops';

    private ?Channels $channels = null;

    /** @param string $source who publishes where nothing else is said */
    public function __construct(
        private readonly Engine $engine,
        private readonly ListenerSubscriptions $listeners,
        private readonly OssaContextProvider $contexts,
        private readonly CurrentDelivery $current,
        private readonly string $source,
    ) {
    }

    /**
     * @param array<array-key, mixed> $payload
     *
     * @return string its id
     *
     * @throws EngineException when the payload breaks the schema that its source declares, the channel is no channel, or the store fails
     */
    public function publish(string $channel, array $payload, ?string $id = null, ?string $source = null): string
    {
        return $this->publishMessage(new OssaChannelMessage($channel, $payload, $id, $source));
    }

    /**
     * @return string its id
     *
     * @throws EngineException as {@see publish()}
     */
    public function publishMessage(OssaChannelMessage $message): string
    {
        $options = $this->options($message);

        return $this->channels()->publish($message->getChannel(), $message->getPayload(), $message->getSource() ?? $this->source, $options)['id'];
    }

    /**
     * Publishes many messages with one durable write. Each stands for itself: one that is refused keeps no other back.
     *
     * @param iterable<OssaChannelMessage> $messages
     *
     * @return list<string> their ids, in their order
     *
     * @throws RefusedMessagesException when some were refused; the others are published
     * @throws EngineException          when nothing was published
     */
    public function publishBatch(iterable $messages): array
    {
        $batch = [];
        foreach ($messages as $message) {
            $batch[] = ['channel' => $message->getChannel(), 'payload' => $message->getPayload(), 'source' => $message->getSource() ?? $this->source] + $this->options($message);
        }
        $ids = $refused = [];
        foreach ($this->channels()->publishBatch($batch) as $number => $published) {
            if (isset($published['error'])) {
                $refused[$number] = $published['error'];
            } else {
                $ids[] = $published['id'];
            }
        }

        return [] === $refused ? $ids : throw new RefusedMessagesException($refused, \count($batch));
    }

    /** @return array{id?: string, type?: string, correlation_id?: string, reply_to?: string, priority?: string, ttl_seconds?: int, traceparent?: string, headers?: array<string, mixed>} */
    private function options(OssaChannelMessage $message): array
    {
        $cause = $this->current->message();
        $step = $this->contexts->current();
        $headers = $message->getHeaders();
        if (null !== $cause) {
            $hops = $cause->getHeaders()[self::HOPS] ?? 0;
            $headers += [self::CAUSATION => $cause->getId(), self::HOPS => (\is_int($hops) ? $hops : (int) (string) (\is_scalar($hops) ? $hops : 0)) + 1];
        } elseif (null !== $step) {
            $headers += [self::CAUSATION => $step->toStamp()->causationId] + (0 < $step->hops ? [self::HOPS => $step->hops] : []);
        }

        return array_filter([
            'id' => $message->getId(),
            'type' => $message->getType(),
            'correlation_id' => $message->getCorrelationId() ?? (null !== $cause ? $cause->getCorrelationId() ?? $cause->getId() : $step?->toStamp()->correlationId),
            'reply_to' => $message->getReplyTo(),
            'priority' => $message->getPriority(),
            'ttl_seconds' => $message->getTtlSeconds(),
            'traceparent' => $message->getTraceparent() ?? $cause?->getTraceparent() ?? $step?->traceparent,
            'headers' => [] === $headers ? null : $headers,
        ], static fn (mixed $value): bool => null !== $value);
    }

    private function channels(): Channels
    {
        // A listener gets what is published from its first registration on: it must not depend on a worker that runs already.
        $this->listeners->register();

        return $this->channels ??= $this->engine->channels();
    }
}
