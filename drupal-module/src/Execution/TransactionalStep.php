<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Execution;

use Drupal\Core\Database\Connection;
use Drupal\ossa_eca\Engine\EngineProvider;
use Drupal\ossa_eca\Store\Commit;
use Ossa\Runtime\Engine;
use Ossa\Runtime\StepClaim;
use Ossa\Runtime\StepReport;

/**
 * Carries out steps that their manifest calls transactional.
 *
 * What such a step writes to the database of the site is committed together
 * with its result, or not at all: it takes effect exactly once.
 */
final readonly class TransactionalStep {

  public function __construct(
    private EngineProvider $engines,
    private Connection $database,
  ) {}

  /**
   * Whether a step is carried out in a transaction with its result.
   *
   * @param \Ossa\Runtime\StepClaim $claim
   *   The step.
   */
  public function covers(StepClaim $claim): bool {
    return $claim->getExecution() === 'transactional' && $this->engines->isOnSiteDatabase();
  }

  /**
   * Carries out a step, and reports its result in the same transaction.
   *
   * @param \Ossa\Runtime\Engine $engine
   *   The engine.
   * @param \Ossa\Runtime\StepClaim $claim
   *   The step.
   * @param \Closure(): mixed $do
   *   Carries it out.
   *
   * @return \Ossa\Runtime\StepReport
   *   What became of the result. What the step wrote is undone when it does
   *   not count.
   *
   * @throws \Throwable
   *   What the step throws; what it wrote is undone then.
   */
  public function run(Engine $engine, StepClaim $claim, \Closure $do): StepReport {
    $transaction = $this->database->startTransaction();
    try {
      // SQLite takes the lock for writing now, while it can be waited for.
      $this->database->delete(EngineProvider::TABLE_PREFIX . 'meta')->isNull('name')->execute();
      $output = $do();
      $counts = $engine->checkOutput($claim->getToken(), $output) === NULL;
      $report = $counts ? $engine->complete($claim->getToken(), $output) : NULL;
      if ($report?->getStatus() === 'recorded') {
        Commit::of($transaction);
        return $report;
      }
    }
    catch (\Throwable $throwable) {
      $transaction->rollBack();
      throw $throwable;
    }
    $transaction->rollBack();
    unset($transaction);
    // The refusal of the output is to be recorded for good.
    return $report ?? $engine->complete($claim->getToken(), $output);
  }

}
