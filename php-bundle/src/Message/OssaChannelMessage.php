<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Message;

/**
 * A message on a channel: dispatched, it is published; listeners get one with what was published.
 *
 * Only scalars and arrays of them, so that any serializer of Messenger can carry it.
 */
final readonly class OssaChannelMessage
{
    /**
     * @param string                  $channel       where it is published
     * @param array<array-key, mixed> $payload       what it says
     * @param string|null             $id            its identity within the channel; publishing it again does nothing. Generated if not given
     * @param string|null             $source        who publishes it: an agent, workflow or service; "ossa.messaging.source" if not given
     * @param string|null             $type          what kind of message it is
     * @param string|null             $priority      critical, high, normal or low; normal if neither it nor a rule says anything
     * @param int|null                $ttlSeconds    how long it is worth anything
     * @param string|null             $correlationId what belongs to one business case has the same; if not given, that of the message or step in whose name it is sent
     * @param string|null             $replyTo       channel on which an answer is expected
     * @param string|null             $traceparent   W3C trace context
     * @param array<string, mixed>    $headers
     */
    public function __construct(
        private string $channel,
        private array $payload = [],
        private ?string $id = null,
        private ?string $source = null,
        private ?string $type = null,
        private ?string $priority = null,
        private ?int $ttlSeconds = null,
        private ?string $correlationId = null,
        private ?string $replyTo = null,
        private ?string $traceparent = null,
        private array $headers = [],
    ) {
    }

    public function getChannel(): string
    {
        return $this->channel;
    }

    /** @return array<array-key, mixed> */
    public function getPayload(): array
    {
        return $this->payload;
    }

    public function getId(): ?string
    {
        return $this->id;
    }

    public function getSource(): ?string
    {
        return $this->source;
    }

    public function getType(): ?string
    {
        return $this->type;
    }

    public function getPriority(): ?string
    {
        return $this->priority;
    }

    public function getTtlSeconds(): ?int
    {
        return $this->ttlSeconds;
    }

    public function getCorrelationId(): ?string
    {
        return $this->correlationId;
    }

    public function getReplyTo(): ?string
    {
        return $this->replyTo;
    }

    public function getTraceparent(): ?string
    {
        return $this->traceparent;
    }

    /** @return array<string, mixed> */
    public function getHeaders(): array
    {
        return $this->headers;
    }
}
