<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Store;

use Drupal\Core\Database\Connection;
use Drupal\Core\Queue\DatabaseQueue;
use Drupal\Core\Queue\QueueFactory;
use Drupal\Core\State\StateInterface;
use Drupal\ossa_eca\Engine\EngineProvider;
use Drupal\ossa_eca\Queue\StepQueues;
use Drupal\ossa_eca\StartOptions;

/**
 * What the module has in the database of the site, besides its configuration.
 */
final readonly class SiteTables {

  /**
   * The tables that the engine creates.
   *
   * They are removed also when the extension is not there to name them.
   */
  public const TABLES = [
    'kv',
    'messages',
    'meta',
    'plans',
    'run_labels',
    'run_log',
    'runs',
    'snapshots',
    'stream',
    'stream_end',
    'timers',
  ];

  public function __construct(
    private Connection $database,
    private EngineProvider $engines,
    private QueueFactory $queues,
    private StateInterface $state,
  ) {}

  /**
   * Makes the tables before a transaction needs them.
   *
   * MySQL ends a transaction in which a table is made. Where the extension is
   * missing the status report says so, and the first use makes the tables.
   */
  public function create(): void {
    $this->engines->problem();
    $queue = $this->queues->get(StepQueues::name('normal'), TRUE);
    if ($queue instanceof DatabaseQueue && !$this->database->schema()->tableExists(DatabaseQueue::TABLE_NAME)) {
      // Core makes the table with the first item.
      $queue->deleteItem((object) ['item_id' => $queue->createItem('')]);
    }
  }

  /**
   * Removes it all: runs, queued steps and values. A store elsewhere is left.
   */
  public function drop(): void {
    $this->engines->reset();
    $schema = $this->database->schema();
    foreach (self::TABLES as $table) {
      $schema->dropTable(EngineProvider::TABLE_PREFIX . $table);
    }
    foreach (StartOptions::PRIORITIES as $priority) {
      $this->queues->get(StepQueues::name($priority), TRUE)->deleteQueue();
    }
    $this->state->delete('ossa_eca.values');
  }

}
