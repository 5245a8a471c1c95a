<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Transaction;

/**
 * Tells an output of null from none.
 *
 * @internal
 */
final readonly class RecordedOutput
{
    public function __construct(public mixed $value)
    {
    }
}
