<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Exception;

use Symfony\Component\Messenger\Exception\HandlerFailedException;
use Symfony\Component\Messenger\Exception\RecoverableExceptionInterface;

/** An attempt failed and the manifest's policy allows another one: asks Messenger to deliver the message again after the policy's delay. */
final class StepRetryException extends \RuntimeException implements ExceptionInterface, RecoverableExceptionInterface
{
    public function __construct(string $message, private readonly int $retryDelayMs, ?\Throwable $previous = null)
    {
        parent::__construct($message, 0, $previous);
    }

    /** The one among the failures of a message's handlers, if there is one. */
    public static function in(?\Throwable $throwable): ?self
    {
        if ($throwable instanceof HandlerFailedException) {
            foreach ($throwable->getWrappedExceptions() as $wrapped) {
                if ($wrapped instanceof self) {
                    return $wrapped;
                }
            }
        }

        return $throwable instanceof self ? $throwable : null;
    }

    /** In milliseconds. Messenger reads it from 7.2 on. */
    public function getRetryDelay(): int
    {
        return $this->retryDelayMs;
    }
}
