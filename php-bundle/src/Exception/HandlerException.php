<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Exception;

use Symfony\Component\Messenger\Exception\UnrecoverableExceptionInterface;

/**
 * A handler could not be found, called, or its result not be used. Repeating the attempt would not help, so it says
 * so to the retry policy.
 */
final class HandlerException extends \RuntimeException implements ExceptionInterface, ErrorCodeInterface, UnrecoverableExceptionInterface
{
    /** No handler is bound under any of the keys. */
    public const NO_HANDLER = 'NO_HANDLER';
    /** The step's input does not fit the parameters of its handler. */
    public const INVALID_INPUT = 'INVALID_HANDLER_INPUT';
    /** The handler returned what cannot be the output of a step. */
    public const INVALID_OUTPUT = 'INVALID_HANDLER_OUTPUT';

    private function __construct(private readonly string $errorCode, string $message, ?\Throwable $previous = null)
    {
        parent::__construct($message, 0, $previous);
    }

    public static function noHandler(string $message): self
    {
        return new self(self::NO_HANDLER, $message);
    }

    public static function invalidInput(string $message, ?\Throwable $previous = null): self
    {
        return new self(self::INVALID_INPUT, $message, $previous);
    }

    public static function invalidOutput(string $message, ?\Throwable $previous = null): self
    {
        return new self(self::INVALID_OUTPUT, $message, $previous);
    }

    public function getErrorCode(): string
    {
        return $this->errorCode;
    }
}
