<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Queue;

use Drupal\Component\Datetime\TimeInterface;
use Drupal\Core\Cache\MemoryCache\MemoryCacheInterface;
use Drupal\Core\Config\ConfigFactoryInterface;
use Drupal\Core\Queue\QueueFactory;
use Drupal\Core\Queue\QueueGarbageCollectionInterface;
use Drupal\Core\Queue\QueueWorkerInterface;
use Drupal\Core\Queue\QueueWorkerManagerInterface;
use Drupal\Core\Queue\SuspendQueueException;
use Drupal\Core\State\StateInterface;
use Drupal\ossa_eca\Pulse;
use Drupal\ossa_eca\StartOptions;
use Symfony\Component\DependencyInjection\Attribute\Autowire;

/**
 * Works off the queues of steps, most urgent first, and waits for more.
 *
 * Cron and "drush queue:run" work off one queue after the other and stop when
 * they are empty; this looks at the urgent ones again before each step, and
 * fires delays of retries on time.
 */
final readonly class Worker {

  /**
   * How long an item is kept from other workers, in seconds.
   *
   * The engine has leases of its own, which a step that takes longer keeps: its
   * item comes again in vain.
   */
  private const LEASE = 30;

  /**
   * How often items of workers that died are set free, in seconds.
   */
  private const COLLECT_EVERY = 10.0;

  public function __construct(
    private QueueFactory $queues,
    #[Autowire(service: 'plugin.manager.queue_worker')]
    private QueueWorkerManagerInterface $workers,
    private Pulse $pulse,
    private TimeInterface $time,
    #[Autowire(service: 'entity.memory_cache')]
    private MemoryCacheInterface $entities,
    private ConfigFactoryInterface $configFactory,
    private StateInterface $state,
  ) {}

  /**
   * Works until the time is up; when asked to stop, to the end of the step.
   *
   * @param float $seconds
   *   For how long; 0 works off what is there.
   * @param int $limit
   *   At most so many steps; 0 for any number.
   *
   * @return int
   *   How many steps were worked off.
   *
   * @throws \Drupal\Core\Queue\SuspendQueueException
   *   When the store is out of reach.
   */
  public function run(float $seconds, int $limit = 0): int {
    $stop = new StopSignals();
    try {
      return $this->work($seconds, $limit, $stop);
    }
    finally {
      $stop->restore();
    }
  }

  /**
   * Works until the time is up, or until it is asked to stop.
   *
   * @param float $seconds
   *   As of run().
   * @param int $limit
   *   As of run().
   * @param \Drupal\ossa_eca\Queue\StopSignals $stop
   *   Whether it is asked to stop.
   *
   * @return int
   *   How many steps were worked off.
   */
  private function work(float $seconds, int $limit, StopSignals $stop): int {
    $until = $this->time->getCurrentMicroTime() + $seconds;
    $collectAt = 0.0;
    $done = 0;
    do {
      $wait = $this->pulse->beat();
      $now = $this->time->getCurrentMicroTime();
      if ($now >= $collectAt) {
        $collectAt = $now + self::COLLECT_EVERY;
        $this->collect();
      }
      while (!$stop->received() && $this->one()) {
        ++$done;
        if ($done === $limit || ($seconds > 0 && $this->time->getCurrentMicroTime() >= $until)) {
          return $done;
        }
      }
      $left = $until - $this->time->getCurrentMicroTime();
      if ($left > 0 && !$stop->received()) {
        usleep((int) (1e6 * min($left, $wait)));
      }
    } while (!$stop->received() && $this->time->getCurrentMicroTime() < $until);
    return $done;
  }

  /**
   * Forgets what this process has read before: others may have changed it.
   */
  private function forget(): void {
    $this->entities->deleteAll();
    $this->configFactory->reset();
    $this->state->resetCache();
  }

  /**
   * Sets items free whose worker has died.
   */
  private function collect(): void {
    foreach (StartOptions::PRIORITIES as $priority) {
      $queue = $this->queues->get(StepQueues::name($priority), TRUE);
      if ($queue instanceof QueueGarbageCollectionInterface) {
        $queue->garbageCollection();
      }
    }
  }

  /**
   * Works off the most urgent step.
   *
   * @return bool
   *   FALSE when there is none.
   */
  private function one(): bool {
    foreach (StartOptions::PRIORITIES as $priority) {
      $name = StepQueues::name($priority);
      $queue = $this->queues->get($name, TRUE);
      $item = $queue->claimItem(self::LEASE);
      if (!is_object($item) || !isset($item->data)) {
        continue;
      }
      $this->forget();
      $worker = $this->workers->createInstance($name);
      assert($worker instanceof QueueWorkerInterface);
      try {
        $worker->processItem($item->data);
      }
      catch (SuspendQueueException $exception) {
        $queue->releaseItem($item);
        throw $exception;
      }
      $queue->deleteItem($item);
      return TRUE;
    }
    return FALSE;
  }

}
