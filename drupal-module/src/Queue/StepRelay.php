<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Queue;

use Drupal\Core\Database\Connection;
use Drupal\Core\DestructableInterface;
use Drupal\ossa_eca\Engine\EngineProvider;
use Drupal\ossa_eca\Engine\EngineUnavailableException;
use Drupal\ossa_eca\Store\Commit;
use Ossa\Runtime\Engine;
use Psr\Log\LoggerInterface;
use Symfony\Component\DependencyInjection\Attribute\Autowire;

/**
 * Puts the steps that the engine dispatches into Drupal's queues.
 *
 * It may put one there twice; the engine's claim sees to it that it runs once.
 * What is in a queue is due: delays, retries and leases are the engine's.
 */
final class StepRelay implements DestructableInterface {

  private const BATCH = 100;

  /**
   * Whether this process is just queueing steps.
   */
  private bool $draining = FALSE;

  /**
   * Whether a transaction of the site kept steps back.
   */
  private bool $wanted = FALSE;

  public function __construct(
    private readonly EngineProvider $engines,
    private readonly StepQueues $queues,
    private readonly Connection $database,
    #[Autowire(service: 'logger.channel.ossa_eca')]
    private readonly LoggerInterface $logger,
  ) {}

  /**
   * Queues all steps that are due.
   *
   * While a transaction of the site is open it waits for the end of the
   * request: the runs may yet be undone. Never throws: what cannot be queued
   * stays with the engine and comes again.
   */
  public function drain(): void {
    $this->relay(fn (): Engine => $this->engines->engine());
  }

  /**
   * Queues all steps that are due, of all runs.
   */
  public function drainAll(): void {
    $this->drain();
    $this->drainLeftBehind();
  }

  /**
   * Queues all steps that are due with the write that made them due.
   *
   * Only where the queues are written with it; elsewhere a worker could be
   * faster than the write.
   *
   * @return bool
   *   FALSE when it is still to be done, after the write.
   */
  public function drainWithin(): bool {
    if (!$this->queues->areInDatabase()) {
      return FALSE;
    }
    $this->drain();
    return TRUE;
  }

  /**
   * Queues steps of runs that were to be carried out where they were started.
   *
   * They are those that had to wait, and those that a process left behind.
   */
  public function drainLeftBehind(): void {
    $this->relay(fn (): Engine => $this->engines->engineAtOnce());
  }

  /**
   * {@inheritdoc}
   */
  public function destruct(): void {
    if ($this->wanted) {
      $this->drainAll();
    }
  }

  /**
   * Queues all steps of an engine that are due.
   *
   * @param \Closure(): \Ossa\Runtime\Engine $open
   *   Gives the engine.
   */
  private function relay(\Closure $open): void {
    // A queue that handles items as soon as they are added leads here again.
    if ($this->draining) {
      return;
    }
    if ($this->engines->isProvisional()) {
      $this->wanted = TRUE;
      return;
    }
    $this->wanted = FALSE;
    $this->draining = TRUE;
    try {
      $engine = $open();
      while (($dispatches = $engine->relay(self::BATCH)) !== []) {
        $this->add($engine, $dispatches);
      }
    }
    catch (EngineUnavailableException) {
      // Cron and the status report tell.
    }
    catch (\Throwable $throwable) {
      $this->logger->error('Steps could not be queued; they stay in the store and are queued later. @error', [
        '@error' => $throwable->getMessage(),
        'exception' => $throwable,
      ]);
    }
    finally {
      $this->draining = FALSE;
    }
  }

  /**
   * Queues steps, and confirms it to the engine.
   *
   * @param \Ossa\Runtime\Engine $engine
   *   The engine that dispatched them.
   * @param list<\Ossa\Runtime\StepDispatch> $dispatches
   *   The steps.
   */
  private function add(Engine $engine, array $dispatches): void {
    // One write for all where that is possible. What is not confirmed because
    // of a crash comes again.
    $transaction = $this->queues->areInDatabase() ? $this->database->startTransaction() : NULL;
    $added = 0;
    try {
      foreach ($dispatches as $dispatch) {
        $this->queues->add($dispatch->getPriority(), $dispatch->getToken());
        ++$added;
      }
      $engine->relayed($dispatches);
      if ($transaction !== NULL) {
        Commit::of($transaction);
      }
    }
    catch (\Throwable $throwable) {
      $transaction?->rollBack();
      $engine->notRelayed(array_slice($dispatches, $transaction === NULL ? $added : 0));
      throw $throwable;
    }
  }

}
