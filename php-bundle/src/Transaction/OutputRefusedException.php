<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Transaction;

use Ossa\SymfonyRuntime\Exception\ExceptionInterface;

/**
 * Undoes a transaction whose output the engine would not take.
 *
 * @internal
 */
final class OutputRefusedException extends \RuntimeException implements ExceptionInterface
{
    public function __construct(string $reason, public readonly mixed $output)
    {
        parent::__construct($reason);
    }
}
