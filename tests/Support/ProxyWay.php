<?php

declare(strict_types=1);

namespace Ossa\Tests\Support;

/** One direction of a connection through {@see ProxyLoop}. */
final class ProxyWay
{
    private const AT_ONCE = 65536;
    private const ON_THEIR_WAY = 64;

    /** @var list<array{float, string}> bytes on their way, and when they arrive */
    private array $bytes = [];
    private bool $ended = false;

    /**
     * @param resource $from
     * @param resource $to
     */
    public function __construct(public readonly mixed $from, public readonly mixed $to)
    {
    }

    public function takesMore(): bool
    {
        return !$this->ended && \count($this->bytes) < self::ON_THEIR_WAY;
    }

    public function take(float $arrival): void
    {
        $bytes = @fread($this->from, self::AT_ONCE);
        if (\is_string($bytes) && '' !== $bytes) {
            $this->bytes[] = [$arrival, $bytes];
        } else {
            $this->ended = feof($this->from);
        }
    }

    /** When the next bytes arrive; null = none are on their way. */
    public function arrival(): ?float
    {
        return $this->bytes[0][0] ?? null;
    }

    /** Hands over what has arrived. Returns false when nobody takes it, or when all has that was sent before the end. */
    public function deliver(float $now): bool
    {
        while ([] !== $this->bytes && $this->bytes[0][0] <= $now) {
            $written = @fwrite($this->to, $this->bytes[0][1]);
            if (false === $written) {
                return false;
            }
            $this->bytes[0][1] = substr($this->bytes[0][1], $written);
            if ('' !== $this->bytes[0][1]) {
                return true;
            }
            array_shift($this->bytes);
        }

        return !$this->ended || [] !== $this->bytes;
    }
}
