<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Event;

/**
 * A step of a run waits for a person, for approvals or for an event.
 */
final class StepWaitingEvent extends RunEvent {

  /**
   * Id of the step.
   */
  public function step(): string {
    return (string) ($this->data['step'] ?? '');
  }

  /**
   * The input of the step: what there is to decide on.
   */
  public function input(): mixed {
    return $this->data['input'] ?? NULL;
  }

  /**
   * Who is to answer, as the manifest says.
   */
  public function assignee(): mixed {
    return $this->data['assignee'] ?? NULL;
  }

}
