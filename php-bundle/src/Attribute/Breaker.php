<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Attribute;

/** When a handler that keeps failing is left alone, and for how long. What is not given is the engine's default. */
final readonly class Breaker
{
    /**
     * @param int|null   $failures     so many failures in a row open it (default 5)
     * @param int|null   $openMs       milliseconds before one call is tried (default 60,000)
     * @param int|null   $probes       so many tried calls must succeed before it closes (default 1)
     * @param float|null $rate         share of calls whose failure opens it as well, above 0 and at most 1 (default: no share does)
     * @param int|null   $rateMinimum  among fewer calls the share says nothing (default 10)
     * @param int|null   $rateWindowMs milliseconds looked back (default 60,000)
     */
    public function __construct(
        public ?int $failures = null,
        public ?int $openMs = null,
        public ?int $probes = null,
        public ?float $rate = null,
        public ?int $rateMinimum = null,
        public ?int $rateWindowMs = null,
    ) {
    }

    /** @return array<string, int|float> as the engine takes them */
    public function toOptions(): array
    {
        return array_filter([
            'failures' => $this->failures,
            'open_ms' => $this->openMs,
            'probes' => $this->probes,
            'rate' => $this->rate,
            'rate_minimum' => $this->rateMinimum,
            'rate_window_ms' => $this->rateWindowMs,
        ], static fn (int|float|null $value): bool => null !== $value);
    }
}
