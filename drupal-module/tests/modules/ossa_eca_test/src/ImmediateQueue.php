<?php

declare(strict_types=1);

namespace Drupal\ossa_eca_test;

use Drupal\Core\Queue\QueueInterface;
use Drupal\Core\Queue\QueueWorkerInterface;
use Drupal\Core\Queue\QueueWorkerManagerInterface;

/**
 * Handles items as soon as they are added; there is nothing to poll.
 */
final class ImmediateQueue implements QueueInterface {

  public function __construct(
    private readonly string $name,
    private readonly QueueWorkerManagerInterface $workers,
  ) {}

  /**
   * {@inheritdoc}
   *
   * @param mixed $data
   *   The item.
   */
  public function createItem($data): string {
    $worker = $this->workers->createInstance($this->name);
    assert($worker instanceof QueueWorkerInterface);
    $worker->processItem($data);
    return 'handled';
  }

  /**
   * {@inheritdoc}
   */
  public function numberOfItems(): int {
    return 0;
  }

  /**
   * {@inheritdoc}
   *
   * @param int $lease_time
   *   Not used.
   */
  public function claimItem($lease_time = 3600): bool {
    return FALSE;
  }

  /**
   * {@inheritdoc}
   *
   * @param object $item
   *   Not used.
   */
  public function deleteItem($item): never {
    throw new \LogicException('There is nothing to delete.');
  }

  /**
   * {@inheritdoc}
   *
   * @param object $item
   *   Not used.
   */
  public function releaseItem($item): never {
    throw new \LogicException('There is nothing to release.');
  }

  /**
   * {@inheritdoc}
   */
  public function createQueue(): void {}

  /**
   * {@inheritdoc}
   */
  public function deleteQueue(): void {}

}
