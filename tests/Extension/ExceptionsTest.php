<?php

declare(strict_types=1);

namespace Ossa\Tests\Extension;

use Ossa\Runtime\Exception\ArgumentException;
use Ossa\Runtime\Exception\EngineException;
use Ossa\Runtime\Exception\ExceptionInterface;
use Ossa\Runtime\Exception\ExpressionException;
use Ossa\Runtime\Exception\InputException;
use Ossa\Runtime\Exception\ManifestException;
use Ossa\Runtime\Exception\OssaException;
use Ossa\Runtime\Exception\ProcessException;
use Ossa\Runtime\Exception\StoreException;
use Ossa\Runtime\Exception\TokenException;
use Ossa\Runtime\Exception\TransportException;
use Ossa\Runtime\Expression;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\Attributes\TestDox;
use PHPUnit\Framework\TestCase;

/** The tree of exceptions as PHP code meets it. */
final class ExceptionsTest extends TestCase
{
    #[TestDox('An exception has the file, line and trace of the call that failed')]
    public function testAnExceptionHasTheFileLineAndTraceOfTheCallThatFailed(): void
    {
        try {
            $line = __LINE__ + 1;
            Expression::parse('');
            self::fail('an empty expression is none');
        } catch (ExpressionException $exception) {
            self::assertSame(__FILE__, $exception->getFile());
            self::assertSame($line, $exception->getLine());
            self::assertSame('parse', $exception->getTrace()[0]['function']);
            self::assertSame(Expression::class, $exception->getTrace()[0]['class'] ?? null);
            self::assertSame(__FUNCTION__, $exception->getTrace()[1]['function']);
            self::assertStringContainsString($exception->getMessage(), (string) $exception);
        }
    }

    /** @param class-string<OssaException> $class */
    #[DataProvider('classes')]
    #[TestDox('$class can be made, thrown and chained by PHP code')]
    public function testAnExceptionCanBeMadeByPhpCode(string $class): void
    {
        $cause = new \LogicException('cause');
        $exception = new $class('message', 7, $cause);

        self::assertContains(ExceptionInterface::class, class_implements($exception));
        self::assertContains(\RuntimeException::class, class_parents($exception));
        self::assertSame(['message', 7, $cause], [$exception->getMessage(), $exception->getCode(), $exception->getPrevious()]);
        self::assertSame(['', null, false], [$exception->getErrorCode(), $exception->getHelp(), $exception->isRetryable()]);
        self::assertSame(__FILE__, $exception->getFile());
    }

    /** @return iterable<string, array{class-string<OssaException>}> */
    public static function classes(): iterable
    {
        foreach ([
            ArgumentException::class, EngineException::class, ExpressionException::class, InputException::class, ManifestException::class,
            ProcessException::class, StoreException::class, TokenException::class, TransportException::class,
        ] as $class) {
            yield $class => [$class];
        }
    }

    #[TestDox('What only some exceptions carry is empty in those that PHP code made')]
    public function testWhatOnlySomeExceptionsCarryIsEmptyInThoseThatPhpCodeMade(): void
    {
        self::assertSame([], (new ManifestException('m'))->getDiagnostics());
        self::assertSame([], (new InputException('m'))->getViolations());
        self::assertNull((new EngineException('m'))->getRunId());
        self::assertNull((new EngineException('m'))->getStep());
        self::assertSame(0, (new ExpressionException('m'))->getOffset());
    }

    #[TestDox('PHP code may extend an exception and override what it says')]
    public function testPhpCodeMayExtendAnException(): void
    {
        $exception = new class('busy') extends StoreException {
            public function isRetryable(): bool
            {
                return true;
            }
        };

        self::assertTrue($exception->isRetryable());
        self::assertSame('', $exception->getErrorCode());
    }

    #[TestDox('The base of the tree cannot be made')]
    public function testTheBaseOfTheTreeCannotBeMade(): void
    {
        self::assertTrue((new \ReflectionClass(OssaException::class))->isAbstract());
    }
}
