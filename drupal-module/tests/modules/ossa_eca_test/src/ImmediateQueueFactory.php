<?php

declare(strict_types=1);

namespace Drupal\ossa_eca_test;

use Drupal\Core\Queue\QueueFactoryInterface;
use Drupal\Core\Queue\QueueInterface;
use Drupal\Core\Queue\QueueWorkerManagerInterface;

/**
 * Gives queues that handle items as soon as they are added.
 */
final class ImmediateQueueFactory implements QueueFactoryInterface {

  public function __construct(private readonly QueueWorkerManagerInterface $workers) {}

  /**
   * {@inheritdoc}
   *
   * @param string $name
   *   Name of the queue.
   */
  public function get($name): QueueInterface {
    return new ImmediateQueue($name, $this->workers);
  }

}
