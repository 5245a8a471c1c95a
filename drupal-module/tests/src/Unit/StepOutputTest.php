<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Unit;

use Drupal\Tests\UnitTestCase;
use Drupal\ossa_eca\Execution\StepFailure;
use Drupal\ossa_eca\Execution\StepOutput;
use PHPUnit\Framework\Attributes\DataProvider;

/**
 * What capabilities return becomes plain data, or is refused.
 *
 * @group ossa_eca
 */
final class StepOutputTest extends UnitTestCase {

  /**
   * Values become plain data.
   *
   * @param mixed $value
   *   What a capability returns.
   * @param mixed $plain
   *   What becomes of it.
   *
   * @dataProvider values
   */
  #[DataProvider('values')]
  public function testValueBecomesPlainData(mixed $value, mixed $plain): void {
    self::assertSame($plain, StepOutput::plain($value));
  }

  /**
   * What capabilities may return.
   *
   * @return array<string, array{mixed, mixed}>
   *   What is returned, and what becomes of it.
   */
  public static function values(): array {
    $text = new class() implements \Stringable {

      /**
       * {@inheritdoc}
       */
      public function __toString(): string {
        return 'text';
      }

    };
    return [
      'nothing' => [NULL, NULL],
      'a tree' => [['a' => [1, 2.5, TRUE]], ['a' => [1, 2.5, TRUE]]],
      'text in an object' => [['a' => $text], ['a' => 'text']],
      'a date' => [new \DateTimeImmutable('2026-01-02T03:04:05.678Z'), '2026-01-02T03:04:05.678+00:00'],
      'an object without a class' => [(object) ['a' => 1], ['a' => 1]],
    ];
  }

  /**
   * What cannot be an output is refused, with its place.
   */
  public function testWhatCannotBeAnOutputIsRefusedWithItsPlace(): void {
    foreach (["\xff", NAN, INF, static fn (): int => 1, fopen('php://memory', 'r')] as $value) {
      try {
        StepOutput::plain(['rows' => [['x' => $value]]]);
        self::fail(get_debug_type($value) . ' was taken.');
      }
      catch (StepFailure $failure) {
        self::assertSame('BAD_OUTPUT', $failure->errorCode);
        self::assertFalse($failure->retryable);
        self::assertStringContainsString('output.rows.0.x', $failure->getMessage());
      }
    }
  }

  /**
   * What is nested without end is refused, not followed.
   */
  public function testEndlessNestingIsRefused(): void {
    $endless = [];
    $endless['again'] = &$endless;
    $this->expectException(StepFailure::class);
    StepOutput::plain($endless);
  }

}
