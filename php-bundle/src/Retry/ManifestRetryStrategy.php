<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Retry;

use Ossa\SymfonyRuntime\Exception\StepRetryException;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Retry\RetryStrategyInterface;

/**
 * Gives a failed step the delay of its manifest's policy; asks the transport's own strategy for everything else.
 *
 * Only for Symfony before 7.2, whose retry listener does not read the delay from the exception.
 */
final readonly class ManifestRetryStrategy implements RetryStrategyInterface
{
    public function __construct(private RetryStrategyInterface $inner)
    {
    }

    public function isRetryable(Envelope $message, ?\Throwable $throwable = null): bool
    {
        return $this->inner->isRetryable($message, $throwable);
    }

    public function getWaitingTime(Envelope $message, ?\Throwable $throwable = null): int
    {
        return StepRetryException::in($throwable)?->getRetryDelay() ?? $this->inner->getWaitingTime($message, $throwable);
    }
}
