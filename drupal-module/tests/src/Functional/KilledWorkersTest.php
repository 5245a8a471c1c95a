<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Functional;

use Drupal\ossa_eca\Engine\EngineProvider;
use Drupal\ossa_eca\Event\OssaEvents;
use Drupal\ossa_eca\Outcome\Subscriptions;
use Drupal\ossa_eca_effects_test\Effects;

/**
 * Workers that are killed lose nothing and double no result.
 *
 * @group ossa_eca
 */
final class KilledWorkersTest extends WorkerTestBase {

  private const RUNS = 1000;

  private const KILLS = 20;

  /**
   * Each of a thousand runs ends once, although workers die among them.
   */
  public function testEveryRunHasItsResultOnceAfterTwentyKills(): void {
    $runs = [];
    for ($number = 1; $number <= self::RUNS; ++$number) {
      $runs[$this->runs()->start('record', ['number' => $number])] = $number;
    }
    // What a killed worker was telling is told again after a second, too.
    $this->container->get(EngineProvider::class)->engine()->channels()->subscribe([
      'name' => Subscriptions::OUTCOMES,
      'subscriptions' => [['channel' => OssaEvents::RUN_COMPLETED], ['channel' => OssaEvents::RUN_FAILED]],
      'timeout_ms' => 1000,
    ]);

    for ($kill = 1; $kill <= self::KILLS; ++$kill) {
      $enough = array_sum($this->effects()->counts(Effects::CALLED)) + random_int(5, 25);
      $worker = $this->startDrush('queue:run', 'ossa_step:normal');
      $this->waitFor("call $enough", fn (): bool => array_sum($this->effects()->counts(Effects::CALLED)) >= $enough);
      $worker->signal(SIGKILL);
      $worker->wait();
      self::assertSame(SIGKILL, $worker->getTermSignal(), $worker->getOutput() . $worker->getErrorOutput());
    }
    $this->workItAllOff();
    $this->waitFor('every end to be told', function (): bool {
      $this->drush('cron');
      return count($this->effects()->counts('completed')) === self::RUNS;
    });

    foreach ($runs as $id => $number) {
      $run = $this->runs()->get($id);
      self::assertSame('completed', $run?->getStatus());
      self::assertSame(['number' => $number], $run->getOutput());
      $results = array_filter($run->getEvents(), static fn (array $event): bool => $event['type'] === 'step_completed');
      self::assertCount(1, $results);
    }
    // A worker that dies may have done its last step, or told of its last run.
    foreach ([Effects::CALLED, 'completed'] as $what) {
      $counts = $this->effects()->counts($what);
      self::assertSame([], array_diff_key($runs, $counts));
      self::assertLessThanOrEqual(self::RUNS + self::KILLS, array_sum($counts), $what);
    }
    self::assertSame([], $this->complaints());
  }

}
