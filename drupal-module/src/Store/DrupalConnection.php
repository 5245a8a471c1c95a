<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Store;

use Drupal\Core\Database\Connection;
use Drupal\Core\Database\Transaction;
use Drupal\ossa_eca\Engine\EngineProvider;
use Drupal\ossa_eca\Engine\EngineUnavailableException;
use Ossa\Runtime\Store\ConnectionInterface;

/**
 * Drupal's connection as the place where runs are kept.
 *
 * What the engine writes goes with the transactions of the site. Statements go
 * to the driver as they are: values keep their types, and bytes stay bytes.
 */
final class DrupalConnection implements ConnectionInterface {

  /**
   * So many statements stay prepared.
   */
  private const PREPARED = 128;

  /**
   * The transaction that was begun here.
   */
  private ?Transaction $transaction = NULL;

  /**
   * Whether several calls of the engine are carried out as one.
   */
  private bool $together = FALSE;

  /**
   * Whether one of these calls is in what it takes for its transaction.
   */
  private bool $part = FALSE;

  /**
   * Prepared statements by their text: there are few, and preparing takes long.
   *
   * @var array<string, \PDOStatement>
   */
  private array $statements = [];

  /**
   * The connection of the driver that they are prepared for.
   */
  private ?\PDO $client = NULL;

  /**
   * What tables are qualified with on SQLite, where a prefix is a database.
   */
  private readonly string $schema;

  /**
   * Lets the engine keep runs on a connection.
   *
   * @param \Drupal\Core\Database\Connection $connection
   *   The connection.
   * @param string $tables
   *   What the names of its tables begin with, after the prefix of the site.
   */
  public function __construct(
    private readonly Connection $connection,
    private readonly string $tables = EngineProvider::TABLE_PREFIX,
  ) {
    $prefix = $connection->getPrefix();
    $this->schema = $connection->databaseType() === 'sqlite' && str_ends_with($prefix, '.') ? $prefix : '';
  }

  /**
   * What the names of tables must begin with because of the site's prefix.
   *
   * @param \Drupal\Core\Database\Connection $connection
   *   The connection.
   *
   * @return string
   *   The prefix; empty where it is no part of the names.
   *
   * @throws \Drupal\ossa_eca\Engine\EngineUnavailableException
   *   When the prefix cannot be used.
   */
  public static function prefixFor(Connection $connection): string {
    $prefix = $connection->getPrefix();
    if ($prefix === '' || ($connection->databaseType() === 'sqlite' && str_ends_with($prefix, '.'))) {
      return '';
    }
    return preg_match('/^[a-z][a-z0-9_]{0,20}$/', $prefix) === 1
      ? $prefix
      : throw new EngineUnavailableException(sprintf('Runs cannot be kept in the database of the site, because of its table prefix "%s": it must begin with a lower-case letter and have only lower-case letters, digits and "_", at most 21. Set "store.dsn" of "ossa_eca.settings" to another store, such as "sqlite:///var/lib/ossa/runs.db".', $prefix));
  }

  /**
   * Carries out several calls of the engine in one transaction, with one write.
   *
   * To the engine it looks as if each had a transaction of its own: when this
   * fails, nothing of it has happened, and the engine has to be opened anew.
   *
   * On SQLite only, where a write waits for the disk and for all others. The
   * other databases may end a transaction on their own, for a deadlock.
   *
   * @param \Closure(): T $do
   *   Calls the engine.
   *
   * @return T
   *   What it returns.
   *
   * @template T
   */
  public function together(\Closure $do): mixed {
    if ($this->platform() !== 'sqlite' || $this->connection->inTransaction()) {
      return $do();
    }
    $transaction = $this->connection->startTransaction();
    $this->together = TRUE;
    try {
      // Takes the lock for writing now, while it can still be waited for.
      $this->execute(sprintf('DELETE FROM %smeta WHERE name IS NULL', $this->tables), [], []);
      $result = $do();
      Commit::of($transaction);
      return $result;
    }
    catch (\Throwable $throwable) {
      $transaction->rollBack();
      throw $throwable;
    }
    finally {
      $this->together = $this->part = FALSE;
    }
  }

  /**
   * Whether a transaction is open that decides over what the engine writes.
   */
  public function isProvisional(): bool {
    return $this->connection->inTransaction() && !$this->together;
  }

  /**
   * {@inheritdoc}
   */
  public function platform(): string {
    return match ($this->connection->databaseType()) {
      'sqlite' => 'sqlite',
      'pgsql' => 'postgresql',
      'mysql' => 'mysql',
      default => throw new EngineUnavailableException(sprintf('Runs cannot be kept in a database of type "%s". Use SQLite, PostgreSQL, MySQL or MariaDB for the site, or set "store.dsn" of "ossa_eca.settings" to another store.', $this->connection->databaseType())),
    };
  }

  /**
   * {@inheritdoc}
   */
  public function query(string $sql, array $params, array $bytes): array {
    $statement = $this->run($sql, $params, $bytes);
    /** @var list<list<int|string|bool|null>> $rows but for streams */
    $rows = $statement->fetchAll(\PDO::FETCH_NUM);
    $statement->closeCursor();
    // PostgreSQL gives bytes as streams.
    return $this->connection->databaseType() === 'pgsql' ? array_map(self::readStreams(...), $rows) : $rows;
  }

  /**
   * Reads the streams of a row.
   *
   * @param list<mixed> $row
   *   The row.
   *
   * @return list<mixed>
   *   The same with what was in the streams.
   */
  private static function readStreams(array $row): array {
    return array_map(static fn (mixed $value): mixed => is_resource($value) ? stream_get_contents($value) : $value, $row);
  }

  /**
   * {@inheritdoc}
   */
  public function execute(string $sql, array $params, array $bytes): int {
    $statement = $this->run($sql, $params, $bytes);
    $count = $statement->rowCount();
    $statement->closeCursor();
    return $count;
  }

  /**
   * {@inheritdoc}
   */
  public function begin(): void {
    if ($this->together) {
      $this->execute('SAVEPOINT ossa_part', [], []);
      $this->part = TRUE;
      return;
    }
    $this->transaction = $this->connection->startTransaction();
  }

  /**
   * {@inheritdoc}
   */
  public function commit(): void {
    if ($this->part) {
      $this->execute('RELEASE SAVEPOINT ossa_part', [], []);
      $this->part = FALSE;
      return;
    }
    Commit::of($this->transaction ?? throw new \LogicException('No transaction of the engine is open.'));
    $this->transaction = NULL;
  }

  /**
   * {@inheritdoc}
   */
  public function rollBack(): void {
    if ($this->part) {
      $this->part = FALSE;
      $this->execute('ROLLBACK TO SAVEPOINT ossa_part', [], []);
      $this->execute('RELEASE SAVEPOINT ossa_part', [], []);
      return;
    }
    $transaction = $this->transaction;
    $this->transaction = NULL;
    $transaction?->rollBack();
  }

  /**
   * {@inheritdoc}
   */
  public function isTransactionActive(): bool {
    return $this->together ? $this->part : $this->connection->inTransaction();
  }

  /**
   * {@inheritdoc}
   */
  public function classify(\Throwable $exception): string {
    for ($cause = $exception; $cause !== NULL; $cause = $cause->getPrevious()) {
      if ($cause instanceof \PDOException) {
        return PdoFault::of($cause, $this->connection->databaseType());
      }
    }
    return 'other';
  }

  /**
   * Runs a statement.
   *
   * @param string $sql
   *   The statement.
   * @param list<int|string|null> $params
   *   Values of its placeholders.
   * @param list<int> $bytes
   *   Places of values that are bytes.
   *
   * @return \PDOStatement
   *   The executed statement.
   */
  private function run(string $sql, array $params, array $bytes): \PDOStatement {
    $client = $this->connection->getClientConnection();
    if (!$client instanceof \PDO) {
      throw new EngineUnavailableException(sprintf('Runs cannot be kept in the database of the site with the driver "%s", which does not use PDO. Use the driver "mysql", "pgsql" or "sqlite", or set "store.dsn" of "ossa_eca.settings" to another store.', $this->connection->driver()));
    }
    if ($client !== $this->client || count($this->statements) >= self::PREPARED) {
      $this->client = $client;
      $this->statements = [];
    }
    $statement = $this->statements[$sql] ??= $client->prepare($this->schema === '' ? $sql : $this->qualify($sql));
    foreach ($params as $place => $value) {
      $statement->bindValue($place + 1, $value, match (TRUE) {
        $value === NULL => \PDO::PARAM_NULL,
        is_int($value) => \PDO::PARAM_INT,
        in_array($place, $bytes, TRUE) => \PDO::PARAM_LOB,
        default => \PDO::PARAM_STR,
      });
    }
    $statement->execute();
    return $statement;
  }

  /**
   * Names the attached database in which Drupal keeps tables with a prefix.
   *
   * @param string $sql
   *   A statement with names of tables alone.
   *
   * @return string
   *   The same with their database.
   */
  private function qualify(string $sql): string {
    return (string) preg_replace('/\b(FROM|JOIN|INTO|UPDATE|IF NOT EXISTS)(\s+)(' . $this->tables . '|sqlite_master\b)/', '$1$2' . $this->schema . '$3', $sql);
  }

}
