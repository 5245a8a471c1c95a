<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Execution;

/** A method of a service that the container allows steps to call. */
final readonly class Handler
{
    /** @param \Closure(mixed...): mixed $call */
    public function __construct(
        public string $name,
        public \Closure $call,
    ) {
    }
}
