<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Event;

/**
 * Names of the events of the module.
 */
final class OssaEvents {

  /**
   * A task is asked for, by code or by a model.
   *
   * @see \Drupal\ossa_eca\Event\TaskRequestedEvent
   */
  public const TASK_EXECUTE = 'ossa.task.execute';

  /**
   * A run has completed.
   *
   * @see \Drupal\ossa_eca\Event\RunCompletedEvent
   */
  public const RUN_COMPLETED = 'ossa.run.completed';

  /**
   * A run has failed.
   *
   * @see \Drupal\ossa_eca\Event\RunFailedEvent
   */
  public const RUN_FAILED = 'ossa.run.failed';

  /**
   * A step waits for a person, for approvals or for an event.
   *
   * @see \Drupal\ossa_eca\Event\StepWaitingEvent
   */
  public const STEP_WAITING = 'ossa.step.waiting';

  /**
   * A message was published on a channel that the site listens to.
   *
   * @see \Drupal\ossa_eca\Event\ChannelMessageEvent
   */
  public const CHANNEL_MESSAGE = 'ossa.channel.message';

}
