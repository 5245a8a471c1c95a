<?php

declare(strict_types=1);

namespace Ossa\Tests\Extension;

use Ossa\Runtime\Exception\ArgumentException;
use Ossa\Runtime\Exception\ExpressionException;
use Ossa\Runtime\Expression;
use PHPUnit\Framework\Attributes\TestDox;
use PHPUnit\Framework\TestCase;

final class ExpressionTest extends TestCase
{
    #[TestDox('An expression is parsed once and evaluated in many scopes')]
    public function testAnExpressionIsParsedOnceAndEvaluatedInManyScopes(): void
    {
        $expression = Expression::parse("steps.review.output.approved && input.amount > 100 ? 'manual' : 'automatic'");

        self::assertSame('manual', $expression->evaluate([
            'steps' => ['review' => ['output' => ['approved' => true]]],
            'input' => ['amount' => 250],
        ]));
        self::assertSame('automatic', $expression->evaluate(['input' => ['amount' => 250]]));
    }

    #[TestDox('A path that leads to nothing is null')]
    public function testAPathThatLeadsToNothingIsNull(): void
    {
        self::assertNull(Expression::parse('steps.unknown.output')->evaluate([]));
    }

    #[TestDox('A fault of the text is reported with code, place and advice')]
    public function testAFaultOfTheTextIsReportedWithCodePlaceAndAdvice(): void
    {
        try {
            Expression::parse('input.name | uper');
            self::fail('the filter does not exist');
        } catch (ExpressionException $exception) {
            self::assertSame('OSSA-E005', $exception->getErrorCode());
            self::assertSame(13, $exception->getOffset());
            self::assertStringContainsString('upper', (string) $exception->getHelp());
            self::assertFalse($exception->isRetryable());
        }
    }

    #[TestDox('A fault of an evaluation names the expression')]
    public function testAFaultOfAnEvaluationNamesTheExpression(): void
    {
        $this->expectException(ExpressionException::class);
        $this->expectExceptionMessage('in `input.text matches input.pattern`');

        Expression::parse('input.text matches input.pattern')->evaluate(['input' => ['text' => 'a', 'pattern' => '(']]);
    }

    #[TestDox('A text that is not UTF-8 is refused')]
    public function testATextThatIsNotUtf8IsRefused(): void
    {
        $this->expectException(ArgumentException::class);
        $this->expectExceptionMessage('$source is not UTF-8 (first wrong byte at offset 6)');

        Expression::parse("input.\xff");
    }
}
