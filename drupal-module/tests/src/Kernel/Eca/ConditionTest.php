<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Kernel\Eca;

use Drupal\ossa_eca\Eca\Data;
use Drupal\ossa_eca\Event\TaskRequestedEvent;

/**
 * The condition looks at the name, status and output of a task.
 *
 * @group ossa_eca
 */
final class ConditionTest extends EcaKernelTestBase {

  private const RUN = [
    'id' => 'r1',
    'workflow' => 'phpcs-check',
    'status' => 'completed',
    'output' => [
      'total' => 12,
      'passed' => FALSE,
      'note' => 'All <b>fine</b>',
      'zip' => '01234',
      'items' => [['sku' => 'a-1'], ['sku' => 'b-2']],
      'tags' => ['red', 'blue'],
      'none' => NULL,
    ],
  ];

  /**
   * A condition without any configuration holds for every run.
   */
  public function testEmptyConditionHoldsForEveryRunButNotWithoutOne(): void {
    self::assertTrue($this->holds([]));
    $this->tokens()->clearTokenData();
    self::assertFalse($this->condition()->evaluate());
  }

  /**
   * The name is matched by a pattern, which may have tokens.
   */
  public function testNameIsMatchedByPattern(): void {
    self::assertTrue($this->holds(['task_name' => 'phpcs-check']));
    self::assertTrue($this->holds(['task_name' => 'phpcs-*']));
    self::assertFalse($this->holds(['task_name' => 'phpcs']));
    self::assertTrue($this->holds(['task_name' => '[run:workflow]']));
  }

  /**
   * The status must be the same.
   */
  public function testStatusMustBeTheSame(): void {
    self::assertTrue($this->holds(['status' => 'completed']));
    self::assertFalse($this->holds(['status' => 'failed']));
  }

  /**
   * Fields of the output are compared, at any depth.
   */
  public function testFieldsOfTheOutputAreCompared(): void {
    foreach ([
      ['total', 'equal', '12'],
      ['total', 'equal', '12.0'],
      ['total', 'greaterthan', '9'],
      ['total', 'atleast', '12'],
      ['total', 'atmost', '12'],
      ['passed', 'equal', 'false'],
      ['note', 'contains', '<b>fine'],
      ['note', 'beginswith', 'All'],
      ['note', 'endswith', '</b>'],
      ['zip', 'equal', '01234'],
      ['items.1.sku', 'equal', 'b-2'],
      ['tags', 'contains', 'blue'],
      ['tags', 'exists', ''],
      ['missing', 'equal', ''],
      ['note', 'equal', '[run:output:note]'],
    ] as [$field, $operator, $value]) {
      self::assertTrue($this->holds(['output_field' => $field, 'operator' => $operator, 'value' => $value]), "$field $operator $value");
    }
    foreach ([
      ['total', 'lessthan', '12'],
      ['total', 'equal', '13'],
      ['passed', 'equal', 'true'],
      ['note', 'equal', 'all <b>fine</b>'],
      ['items', 'equal', ''],
      ['items.2.sku', 'exists', ''],
      ['none', 'exists', ''],
      ['tags', 'contains', 'blu'],
      ['note.deeper', 'exists', ''],
    ] as [$field, $operator, $value]) {
      self::assertFalse($this->holds(['output_field' => $field, 'operator' => $operator, 'value' => $value]), "$field $operator $value");
    }
  }

  /**
   * All that is configured must hold, and negation turns the whole round.
   */
  public function testAllMustHoldAndNegationTurnsItRound(): void {
    $both = ['task_name' => 'phpcs-*', 'status' => 'failed'];
    self::assertFalse($this->holds($both));
    self::assertTrue($this->holds($both + ['negate' => TRUE]));
    self::assertFalse($this->holds(['negate' => TRUE]));
  }

  /**
   * It may look at another run than that of the event.
   */
  public function testItLooksAtTheTokenThatItIsTold(): void {
    $this->tokens()->addTokenData('mine', Data::token(['workflow' => 'other', 'status' => 'failed']));
    self::assertTrue($this->holds(['run_token' => 'mine', 'status' => 'failed']));
    self::assertFalse($this->holds(['run_token' => 'nobody']));
  }

  /**
   * Of a task that is asked for, it sees name and input.
   */
  public function testItSeesTheInputOfRequestedTask(): void {
    foreach ([['de', TRUE], ['fr', FALSE]] as [$language, $expected]) {
      $condition = $this->condition([
        'task_name' => 'greet',
        'status' => 'requested',
        'output_field' => 'language',
        'value' => 'de',
      ]);
      $condition->setEvent(new TaskRequestedEvent('greet', ['language' => $language]));
      self::assertSame($expected, $condition->evaluate());
    }
  }

  /**
   * Whether the condition holds for the run.
   *
   * @param array<string, mixed> $configuration
   *   Configuration of the condition.
   */
  private function holds(array $configuration): bool {
    $this->tokens()->addTokenData('run', Data::token(self::RUN));
    return $this->condition($configuration)->evaluate();
  }

}
