<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Queue;

use Drupal\Core\Queue\DatabaseQueue;
use Drupal\Core\Queue\QueueFactory;
use Drupal\Core\Queue\QueueInterface;
use Drupal\ossa_eca\StartOptions;

/**
 * The queues of Drupal that steps travel on, one for each priority.
 */
final readonly class StepQueues {

  /**
   * Id of the queue worker, and what the names of the queues begin with.
   */
  public const WORKER = 'ossa_step';

  public function __construct(private QueueFactory $queues) {}

  /**
   * The name of the queue of a priority.
   *
   * @param string $priority
   *   The priority; one that is unknown counts as normal.
   */
  public static function name(string $priority): string {
    return self::WORKER . ':' . (in_array($priority, StartOptions::PRIORITIES, TRUE) ? $priority : 'normal');
  }

  /**
   * Adds a step.
   *
   * @param string $priority
   *   Its priority.
   * @param string $token
   *   What a worker claims it with: all there is in the queue.
   *
   * @throws \RuntimeException
   *   When the queue does not take it.
   */
  public function add(string $priority, string $token): void {
    $name = self::name($priority);
    if ($this->queue($name)->createItem($token) === FALSE) {
      throw new \RuntimeException(sprintf('The queue "%s" has not taken a step.', $name));
    }
  }

  /**
   * Whether the queues are tables in the database of the site.
   *
   * They then take part in its transactions. Other queues may handle an item
   * as soon as it is added.
   */
  public function areInDatabase(): bool {
    foreach (StartOptions::PRIORITIES as $priority) {
      if (!$this->queue(self::name($priority)) instanceof DatabaseQueue) {
        return FALSE;
      }
    }
    return TRUE;
  }

  /**
   * A queue.
   *
   * @param string $name
   *   Its name.
   */
  private function queue(string $name): QueueInterface {
    return $this->queues->get($name, TRUE);
  }

}
