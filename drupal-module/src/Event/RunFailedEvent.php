<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Event;

/**
 * A run has failed.
 */
final class RunFailedEvent extends RunEvent {

  /**
   * Why it failed.
   *
   * @return array{code: string, message: string, step_id?: string, attempt?: int}
   *   The error.
   */
  public function error(): array {
    $error = $this->data['error'] ?? NULL;
    return (is_array($error) ? $error : []) + ['code' => '', 'message' => ''];
  }

}
