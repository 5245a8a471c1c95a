<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Functional;

use Drupal\ossa_eca_effects_test\Effects;

/**
 * A task that fails is tried again as its manifest says, then given up.
 *
 * @group ossa_eca
 */
final class FailingTaskTest extends WorkerTestBase {

  /**
   * Attempts are spaced, and the last failure is told and logged once.
   */
  public function testFailingTaskBacksOffAndIsGivenUp(): void {
    $id = $this->runs()->start('doomed');
    $this->workItAllOff();

    $run = $this->runs()->get($id);
    self::assertSame('failed', $run?->getStatus());
    $due = $delays = [];
    foreach ($run->getEvents() as $event) {
      if (isset($event['due']) && is_int($event['due'])) {
        $due[] = $event['due'];
        $delays[] = $event['due'] - $event['at'];
      }
    }
    self::assertSame([400, 1200], $delays);

    $calls = $this->effects()->times(Effects::CALLED, $id);
    self::assertCount(3, $calls);
    foreach ($due as $retry => $ms) {
      self::assertGreaterThanOrEqual($ms, $calls[$retry + 1] * 1000, 'No attempt is made before it is due.');
    }

    self::assertSame([$id => 1], $this->effects()->counts('failed'));
    self::assertCount(1, $this->complaints());
    self::assertStringContainsString("Step \"doomed\" of run $id", $this->complaints()[0]);

    // Whoever may see runs finds it among those that failed.
    $this->logInWith(['view ossa runs']);
    $this->drupalGet('admin/reports/ossa', ['query' => ['status' => 'failed']]);
    $this->assertSession()->linkByHrefExists("admin/reports/ossa/$id");
    $this->drupalGet("admin/reports/ossa/$id");
    $this->assertSession()->pageTextContains('<em>The printer</em> is on fire.');
  }

}
