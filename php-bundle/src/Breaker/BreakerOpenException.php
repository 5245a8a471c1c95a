<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Breaker;

use Ossa\SymfonyRuntime\Exception\ErrorCodeInterface;
use Ossa\SymfonyRuntime\Exception\ExceptionInterface;
use Symfony\Component\Messenger\Exception\RecoverableExceptionInterface;

/** Nothing was called: the circuit breaker is open. A message whose handler throws it is worth another try after the delay. */
final class BreakerOpenException extends \RuntimeException implements ExceptionInterface, ErrorCodeInterface, RecoverableExceptionInterface
{
    /** @param int $until milliseconds since the Unix epoch */
    public function __construct(
        private readonly string $name,
        private readonly int $until,
    ) {
        parent::__construct(\sprintf('The circuit breaker of "%s" is open until %s.', $name, date(\DATE_RFC3339, intdiv($until, 1000))));
    }

    /** What was not called. */
    public function getName(): string
    {
        return $this->name;
    }

    public function getErrorCode(): string
    {
        return 'BREAKER_OPEN';
    }

    /** In milliseconds. Messenger reads it from 7.2 on. */
    public function getRetryDelay(): int
    {
        return max(0, $this->until - (int) (microtime(true) * 1000));
    }
}
