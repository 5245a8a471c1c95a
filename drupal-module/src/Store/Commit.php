<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Store;

use Drupal\Core\Database\Transaction;

/**
 * Commits transactions here and now, in all versions of core.
 */
final class Commit {

  /**
   * Commits a transaction, or releases its savepoint.
   *
   * @param \Drupal\Core\Database\Transaction $transaction
   *   The transaction. The caller still has it, to roll back when this fails.
   */
  public static function of(Transaction $transaction): void {
    if (method_exists($transaction, 'commitOrRelease')) {
      $transaction->commitOrRelease();
    }
    else {
      // Core before 11.2 commits when the object goes.
      $transaction->__destruct();
    }
  }

}
