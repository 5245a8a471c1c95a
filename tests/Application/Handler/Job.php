<?php

declare(strict_types=1);

namespace Ossa\Tests\Application\Handler;

/** An ordinary message whose handler does as it is told. */
final readonly class Job
{
    /**
     * @param int    $milliseconds how long its handler takes
     * @param string $failWhile    its handler fails for as long as there is such a file
     */
    public function __construct(
        public string $name,
        public int $milliseconds = 0,
        public string $failWhile = '',
    ) {
    }
}
