<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle;

use Ossa\SymfonyRuntime\Attribute\ErrorCode;
use Ossa\SymfonyRuntime\Exception\ErrorCodeInterface;
use Ossa\SymfonyRuntime\Execution\ErrorMapper;
use Ossa\Tests\Application\Handler\TemporaryFault;
use PHPUnit\Framework\TestCase;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Exception\HandlerFailedException;
use Symfony\Component\Messenger\Exception\RecoverableMessageHandlingException;
use Symfony\Component\Messenger\Exception\UnrecoverableMessageHandlingException;

final class ErrorMapperTest extends TestCase
{
    public function testAnExceptionWithoutACodeIsAHandlerErrorWithItsClassAndMessage(): void
    {
        $error = ErrorMapper::map(new \DomainException('no such customer'));

        self::assertSame(['code' => 'HANDLER_ERROR', 'message' => 'no such customer', 'class' => \DomainException::class, 'retryable' => null, 'retry_after_ms' => null], $error);
    }

    public function testTheAttributeOfAClassOrItsParentGivesTheCode(): void
    {
        self::assertSame('TEMPORARY_FAULT', ErrorMapper::map(new TemporaryFault())['code']);
        self::assertSame('QUOTA', ErrorMapper::map(new class extends QuotaException {})['code']);
    }

    public function testTheInterfaceGivesTheCodeOfTheObject(): void
    {
        $exception = new class extends \RuntimeException implements ErrorCodeInterface {
            public function getErrorCode(): string
            {
                return 'RATE_LIMITED';
            }
        };

        self::assertSame('RATE_LIMITED', ErrorMapper::map($exception)['code']);
    }

    public function testMessengersMarkersSayWhetherARetryHelps(): void
    {
        self::assertTrue(ErrorMapper::map(new RecoverableMessageHandlingException())['retryable'] ?? null);
        self::assertFalse(ErrorMapper::map(new UnrecoverableMessageHandlingException())['retryable'] ?? null);
    }

    public function testTheFailureOfAMessageThatTheHandlerDispatchedIsUnwrapped(): void
    {
        $wrapped = new HandlerFailedException(new Envelope(new \stdClass()), [new TemporaryFault('inside')]);

        self::assertSame('TEMPORARY_FAULT', ErrorMapper::map($wrapped)['code']);
        self::assertSame('inside', ErrorMapper::map($wrapped)['message']);
    }

    public function testAMessageIsCutAndMadeUtf8(): void
    {
        $message = ErrorMapper::map(new \RuntimeException("\xff".str_repeat('ä', 5000)))['message'];

        self::assertLessThanOrEqual(4200, \strlen($message));
        self::assertSame(1, preg_match('//u', $message));
    }
}

#[ErrorCode('QUOTA')]
class QuotaException extends \RuntimeException
{
}
