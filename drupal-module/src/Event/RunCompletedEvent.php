<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Event;

/**
 * A run has completed.
 */
final class RunCompletedEvent extends RunEvent {

  /**
   * The output of the run.
   */
  public function output(): mixed {
    return $this->data['output'] ?? NULL;
  }

}
