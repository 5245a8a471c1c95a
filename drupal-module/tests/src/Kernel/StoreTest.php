<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Kernel;

use Drupal\ossa_eca\Engine\EngineProvider;
use Drupal\ossa_eca\Store\DrupalConnection;
use Drupal\ossa_eca\Store\SiteTables;
use Ossa\Runtime\Store\ConformanceSuite;
use Ossa\Runtime\Store\Schema;

/**
 * Runs are kept on Drupal's own connection.
 *
 * @group ossa_eca
 */
final class StoreTest extends OssaKernelTestBase {

  /**
   * The connection does all that the engine asks of a store.
   */
  public function testConnectionPassesTheConformanceSuite(): void {
    $database = $this->container->get('database');
    $failed = [];
    foreach (ConformanceSuite::cases() as $number => $case) {
      $prefix = "case{$number}_";
      $connection = new DrupalConnection($database, $prefix);
      $why = ConformanceSuite::run($case, $connection, DrupalConnection::prefixFor($database) . $prefix);
      if ($why !== NULL) {
        $failed[$case] = $why;
      }
      self::assertFalse($connection->isTransactionActive(), $case);
      foreach ($database->schema()->findTables($prefix . '%') as $table) {
        $database->schema()->dropTable($table);
      }
    }
    self::assertSame([], $failed);
  }

  /**
   * The tables have the prefix of the site, and the module knows them all.
   */
  public function testTablesOfTheEngineAreKnown(): void {
    $database = $this->container->get('database');
    $known = array_map(static fn (string $table): string => EngineProvider::TABLE_PREFIX . $table, SiteTables::TABLES);
    $created = implode("\n", Schema::statements(new DrupalConnection($database), EngineProvider::TABLE_PREFIX));
    preg_match_all('/^CREATE TABLE IF NOT EXISTS (\w+)/m', $created, $tables);
    self::assertEqualsCanonicalizing($known, $tables[1]);
    self::assertSame($known, array_values(array_filter($known, $database->schema()->tableExists(...))));
  }

  /**
   * A transaction that is rolled back takes the runs with it.
   */
  public function testRunsGoWithTheTransactionOfTheSite(): void {
    $transaction = $this->container->get('database')->startTransaction();
    $id = $this->runs()->start('greet', ['name' => 'Ada']);
    self::assertNotNull($this->runs()->get($id));
    $transaction->rollBack();
    unset($transaction);
    self::assertNull($this->runs()->get($id));
  }

  /**
   * Nothing of the module is left in the database when it is uninstalled.
   */
  public function testUninstallRemovesTheTables(): void {
    $this->runs()->start('greet', ['name' => 'Ada']);
    $this->service(SiteTables::class)->drop();
    $schema = $this->container->get('database')->schema();
    self::assertSame([], array_filter(SiteTables::TABLES, static fn (string $table): bool => $schema->tableExists(EngineProvider::TABLE_PREFIX . $table)));
    self::assertSame(0, $this->queue()->numberOfItems());
  }

  /**
   * Runs may be kept in another store than the database of the site.
   */
  public function testRunsMayBeKeptElsewhere(): void {
    $file = sys_get_temp_dir() . '/' . $this->databasePrefix . '.db';
    $this->setting('store.dsn', 'sqlite://' . $file);
    $id = $this->runs()->start('greet', ['name' => 'Ada']);
    $this->work();
    self::assertSame('completed', $this->runs()->get($id)?->getStatus());
    self::assertSame('completed', $this->runs()->execute('greet-twice', ['name' => 'Ada'])->getStatus());
    self::assertFileExists($file);
    $this->service(EngineProvider::class)->reset();
    array_map(unlink(...), glob($file . '*') ?: []);
  }

}
