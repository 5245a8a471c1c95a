<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Attribute;

/** When a handler that keeps failing is left alone, and for how long. What is not given is the engine's default. */
final readonly class Breaker
{
    /**
     * @param int|null    $failures     so many failures in a row open it (default 5)
     * @param int|null    $openMs       milliseconds before one call is tried (default 60,000)
     * @param int|null    $probes       so many tried calls must succeed before it closes (default 1)
     * @param float|null  $rate         share of calls whose failure opens it as well, above 0 and at most 1 (default: no share does)
     * @param int|null    $rateMinimum  among fewer calls the share says nothing (default 10)
     * @param int|null    $rateWindowMs milliseconds looked back (default 60,000)
     * @param string|null $fallback     of a listener: who gets its messages while it is left alone; without it they wait
     */
    public function __construct(
        public ?int $failures = null,
        public ?int $openMs = null,
        public ?int $probes = null,
        public ?float $rate = null,
        public ?int $rateMinimum = null,
        public ?int $rateWindowMs = null,
        public ?string $fallback = null,
    ) {
    }

    /** @return array<string, int|float|string> as the engine takes them */
    public function toOptions(): array
    {
        return array_filter([
            'failures' => $this->failures,
            'open_ms' => $this->openMs,
            'probes' => $this->probes,
            'rate' => $this->rate,
            'rate_minimum' => $this->rateMinimum,
            'rate_window_ms' => $this->rateWindowMs,
            'fallback' => $this->fallback,
        ], static fn (int|float|string|null $value): bool => null !== $value);
    }
}
