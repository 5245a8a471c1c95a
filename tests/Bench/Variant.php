<?php

declare(strict_types=1);

namespace Ossa\Tests\Bench;

use Symfony\Component\Messenger\Transport\TransportInterface;

/**
 * One side of a comparison: a transport over a queue of its own, named by the folder it is given.
 */
final readonly class Variant
{
    /**
     * @param \Closure(string $folder): TransportInterface $open
     */
    public function __construct(
        public string $name,
        public \Closure $open,
        /** Whether it is one of ours; the others are what ours are held against. */
        public bool $isOurs = false,
    ) {
    }
}
