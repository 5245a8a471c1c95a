<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Message;

/**
 * Asks for a run. Holds scalars and arrays only, under names that stay, so that a message written by one release is
 * read by the next.
 */
abstract readonly class StartMessage
{
    private string $idempotencyKey;

    /**
     * @param string               $manifest       name, path below a manifest path, or `ossa://` URI
     * @param array<string, mixed> $input
     * @param string|null          $idempotencyKey starting the same manifest again with the same key gives the same run; made up when
     *                                             absent, so that it is the message's own and survives redelivery and retry
     * @param string|null          $correlationId  ties together what belongs to one business case
     * @param string|null          $priority       `critical`, `high`, `normal` or `low`
     * @param string|null          $traceparent    W3C trace context
     */
    public function __construct(
        private string $manifest,
        private array $input = [],
        ?string $idempotencyKey = null,
        private ?string $correlationId = null,
        private ?string $priority = null,
        private ?string $traceparent = null,
    ) {
        $this->idempotencyKey = $idempotencyKey ?? bin2hex(random_bytes(16));
    }

    public function getManifest(): string
    {
        return $this->manifest;
    }

    /** @return array<string, mixed> */
    public function getInput(): array
    {
        return $this->input;
    }

    public function getIdempotencyKey(): string
    {
        return $this->idempotencyKey;
    }

    public function getCorrelationId(): ?string
    {
        return $this->correlationId;
    }

    public function getPriority(): ?string
    {
        return $this->priority;
    }

    public function getTraceparent(): ?string
    {
        return $this->traceparent;
    }
}
