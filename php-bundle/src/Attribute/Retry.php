<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Attribute;

/** How often a handler is tried where no manifest says so. What is not given is the engine's default. */
final readonly class Retry
{
    /**
     * @param int|null    $maxAttempts    attempts in all, the first included; 1 = no retry
     * @param string|null $backoff        how delays grow: none, fixed, linear or exponential
     * @param int|null    $initialDelayMs milliseconds before the first retry
     * @param int|null    $maxDelayMs     no delay is longer
     * @param float|null  $multiplier     factor of exponential growth
     * @param float|null  $jitter         share by which a delay is spread to either side, 0–1
     */
    public function __construct(
        public ?int $maxAttempts = null,
        public ?string $backoff = null,
        public ?int $initialDelayMs = null,
        public ?int $maxDelayMs = null,
        public ?float $multiplier = null,
        public ?float $jitter = null,
    ) {
    }

    /** @return array<string, int|float|string> as the engine takes them */
    public function toOptions(): array
    {
        return array_filter([
            'max_attempts' => $this->maxAttempts,
            'backoff' => $this->backoff,
            'initial_delay_ms' => $this->initialDelayMs,
            'max_delay_ms' => $this->maxDelayMs,
            'multiplier' => $this->multiplier,
            'jitter' => $this->jitter,
        ], static fn (mixed $value): bool => null !== $value);
    }
}
