<?php

declare(strict_types=1);

namespace Ossa\Tests\Bench;

use Symfony\Component\Messenger\Transport\TransportInterface;

/**
 * One side of a comparison: a transport over a store of its own in the given folder.
 */
final readonly class Variant
{
    /**
     * @param \Closure(string $folder): TransportInterface $open
     */
    public function __construct(
        public string $name,
        public \Closure $open,
    ) {
    }
}
