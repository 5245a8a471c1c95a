<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Execution;

use Ossa\SymfonyRuntime\Attribute\ErrorCode;
use Ossa\SymfonyRuntime\Exception\ErrorCodeInterface;
use Symfony\Component\Messenger\Exception\HandlerFailedException;
use Symfony\Component\Messenger\Exception\RecoverableExceptionInterface;
use Symfony\Component\Messenger\Exception\UnrecoverableExceptionInterface;

/**
 * Says in the engine's words why an attempt failed.
 *
 * @phpstan-type StepError array{code: string, message: string, class?: string|null, retryable?: bool|null, retry_after_ms?: int|null, details?: mixed}
 */
final class ErrorMapper
{
    /** The code of exceptions that name none. */
    public const HANDLER_ERROR = 'HANDLER_ERROR';
    /** The handler ended the PHP process. */
    public const HANDLER_EXIT = 'HANDLER_EXIT';

    private const MAX_MESSAGE_BYTES = 4096;

    /** @return StepError */
    public static function map(\Throwable $throwable): array
    {
        $throwable = self::cause($throwable);

        return [
            'code' => self::code($throwable),
            'message' => self::text($throwable->getMessage()),
            'class' => $throwable::class,
            'retryable' => match (true) {
                $throwable instanceof RecoverableExceptionInterface => true,
                $throwable instanceof UnrecoverableExceptionInterface => false,
                default => null,
            },
            'retry_after_ms' => self::retryAfter($throwable),
        ];
    }

    /**
     * The failure of a handler that ended the process, by `exit()` or a fatal error.
     *
     * @return StepError
     */
    public static function exit(?string $fatalError): array
    {
        return [
            'code' => self::HANDLER_EXIT,
            'message' => self::text(null === $fatalError
                ? 'the handler ended the PHP process (exit or die)'
                : 'the handler ended the PHP process with a fatal error: '.$fatalError),
        ];
    }

    /** What failed, below Messenger's wrapping of a failure in a message that the handler dispatched. */
    public static function cause(\Throwable $throwable): \Throwable
    {
        while ($throwable instanceof HandlerFailedException && null !== $throwable->getPrevious()) {
            $throwable = $throwable->getPrevious();
        }

        return $throwable;
    }

    private static function code(\Throwable $throwable): string
    {
        if ($throwable instanceof ErrorCodeInterface) {
            return $throwable->getErrorCode();
        }
        for ($class = new \ReflectionObject($throwable); false !== $class; $class = $class->getParentClass()) {
            foreach ($class->getAttributes(ErrorCode::class) as $attribute) {
                return $attribute->newInstance()->code;
            }
        }

        return self::HANDLER_ERROR;
    }

    private static function retryAfter(\Throwable $throwable): ?int
    {
        if (!$throwable instanceof RecoverableExceptionInterface || !method_exists($throwable, 'getRetryDelay')) {
            return null;
        }
        $delay = $throwable->getRetryDelay();

        return \is_int($delay) && $delay >= 0 ? $delay : null;
    }

    private static function text(string $message): string
    {
        return mb_scrub(substr($message, 0, self::MAX_MESSAGE_BYTES), 'UTF-8');
    }
}
