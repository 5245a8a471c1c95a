<?php

declare(strict_types=1);

namespace Ossa\Tests\Bench;

/** One direction of a connection through a proxy: what comes in goes out in its order, each piece so much later. */
final class DelayedWay
{
    /** Pieces that are held at once at most; more stay with the sender. */
    private const MOST = 64;

    /** @var \SplQueue<array{float, string}> when it is due, and the bytes; an empty piece is the end */
    private readonly \SplQueue $held;
    private bool $ended = false;

    /**
     * @param resource $from
     * @param resource $to
     */
    public function __construct(public readonly mixed $from, private readonly mixed $to, private readonly float $delay)
    {
        $this->held = new \SplQueue();
    }

    public function takesMore(): bool
    {
        return !$this->ended && $this->held->count() < self::MOST;
    }

    public function take(): void
    {
        $bytes = (string) fread($this->from, 65536);
        $this->ended = '' === $bytes && feof($this->from);
        if ('' !== $bytes || $this->ended) {
            $this->held->enqueue([microtime(true) + $this->delay, $bytes]);
        }
    }

    /** @return float|null when the next piece is due */
    public function next(): ?float
    {
        return $this->held->isEmpty() ? null : $this->held->bottom()[0];
    }

    /** @return bool false when the way has come to its end */
    public function passOn(): bool
    {
        while (!$this->held->isEmpty() && $this->held->bottom()[0] <= microtime(true)) {
            [, $bytes] = $this->held->dequeue();
            $written = '' === $bytes ? false : @fwrite($this->to, $bytes);
            if (false === $written) {
                return false;
            }
            if ($written < \strlen($bytes)) {
                // The receiver is full: it gets the rest when it can take it.
                $this->held->unshift([microtime(true) + 0.0005, substr($bytes, $written)]);
                break;
            }
        }

        return true;
    }
}
