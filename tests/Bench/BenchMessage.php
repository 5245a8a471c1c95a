<?php

declare(strict_types=1);

namespace Ossa\Tests\Bench;

/**
 * About 400 bytes once serialized: the size of an ordinary message.
 */
final readonly class BenchMessage
{
    public function __construct(
        public int $number,
        public float $sentAt = 0.0,
        public string $filler = 'An order of three articles for a customer who lives far away and wants an invoice by e-mail, sent to the address she gave last year when she first came by; nothing here is long, and nothing is secret.',
    ) {
    }
}
