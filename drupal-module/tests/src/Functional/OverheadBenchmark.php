<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Functional;

use Drupal\ossa_eca\Queue\StepQueues;

/**
 * What a queued task costs, engine and state included.
 *
 * That is its start, its way through Drupal's queue, and its work, less what
 * an item of such a queue costs that does nothing. No test: it is run by
 * "scripts/bench drupal".
 *
 * @group ossa_eca
 * @phpstan-ignore nonAbstractTestClass.NameNoSuffixTest
 */
final class OverheadBenchmark extends OssaBrowserTestBase {

  private const ROUNDS = 60;

  private const ITEMS = 20;

  /**
   * Writes the medians, in milliseconds, where OSSA_BENCH_OUTPUT says.
   */
  public function testOverheadOfTasks(): void {
    $step = $this->container->get('plugin.manager.queue_worker')->createInstance(StepQueues::name('normal'));
    $start = fn () => $this->runs()->start('shout', ['text' => 'a']);
    $queue = $this->container->get('queue')->get('ossa_bench', TRUE);
    $add = static fn () => $queue->createItem('token');
    $nothing = static fn () => NULL;

    $this->measure(StepQueues::name('normal'), $start, $step->processItem(...));
    $times = ['nothing' => [], 'task' => [], 'overhead' => []];
    for ($round = 0; $round < self::ROUNDS; ++$round) {
      $times['nothing'][] = $less = $this->measure('ossa_bench', $add, $nothing);
      $times['task'][] = $more = $this->measure(StepQueues::name('normal'), $start, $step->processItem(...));
      $times['overhead'][] = $more - $less;
    }

    $medians = array_map(static function (array $values): float {
      sort($values);
      return round($values[intdiv(count($values), 2)], 2);
    }, $times);
    self::assertNotFalse(file_put_contents((string) getenv('OSSA_BENCH_OUTPUT'), json_encode($medians + ['drupal' => \Drupal::VERSION], JSON_THROW_ON_ERROR)));
  }

  /**
   * Adds items and works them off.
   *
   * @param string $name
   *   Name of the queue.
   * @param \Closure(): mixed $add
   *   Adds an item.
   * @param \Closure(mixed): mixed $work
   *   Works one off.
   *
   * @return float
   *   Milliseconds for each.
   */
  private function measure(string $name, \Closure $add, \Closure $work): float {
    $queue = $this->container->get('queue')->get($name, TRUE);
    $began = hrtime(TRUE);
    for ($item = 0; $item < self::ITEMS; ++$item) {
      $add();
    }
    while (is_object($item = $queue->claimItem(30))) {
      assert(isset($item->data));
      $work($item->data);
      $queue->deleteItem($item);
    }
    return (hrtime(TRUE) - $began) / 1e6 / self::ITEMS;
  }

}
