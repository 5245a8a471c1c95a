<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Store;

use Drupal\Core\Database\Connection;
use Drupal\Core\Queue\QueueFactory;
use Drupal\Core\State\StateInterface;
use Drupal\ossa_eca\Engine\EngineProvider;
use Drupal\ossa_eca\Queue\StepQueues;
use Drupal\ossa_eca\StartOptions;

/**
 * What the module has in the database of the site, besides its configuration.
 */
final readonly class SiteTables {

  public function __construct(
    private Connection $database,
    private EngineProvider $engines,
    private QueueFactory $queues,
    private StateInterface $state,
  ) {}

  /**
   * Removes it all: runs, queued steps and values. A store elsewhere is left.
   */
  public function drop(): void {
    $this->engines->reset();
    $schema = $this->database->schema();
    foreach ($schema->findTables(EngineProvider::TABLE_PREFIX . '%') as $table) {
      $schema->dropTable($table);
    }
    foreach (StartOptions::PRIORITIES as $priority) {
      $this->queues->get(StepQueues::name($priority), TRUE)->deleteQueue();
    }
    $this->state->deleteMultiple(['ossa_eca.subscriptions', 'ossa_eca.values']);
  }

}
