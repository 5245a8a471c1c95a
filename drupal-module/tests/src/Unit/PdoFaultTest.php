<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Unit;

use Drupal\Tests\UnitTestCase;
use Drupal\ossa_eca\Store\PdoFault;
use PHPUnit\Framework\Attributes\DataProvider;

/**
 * The engine is told what an exception of the database means.
 *
 * @group ossa_eca
 */
final class PdoFaultTest extends UnitTestCase {

  /**
   * What an exception means follows from its codes, or else from its text.
   *
   * @param string $type
   *   Type of the database.
   * @param string $state
   *   SQLSTATE.
   * @param int $code
   *   Code of the driver.
   * @param string $message
   *   The message.
   * @param string $meaning
   *   What it means.
   *
   * @dataProvider faults
   */
  #[DataProvider('faults')]
  public function testFaultIsClassified(string $type, string $state, int $code, string $message, string $meaning): void {
    $exception = new \PDOException($message);
    $exception->errorInfo = [$state, $code, $message];
    self::assertSame($meaning, PdoFault::of($exception, $type));
  }

  /**
   * Exceptions of the drivers.
   *
   * @return array<string, array{string, string, int, string, string}>
   *   Type, SQLSTATE, code, message and meaning.
   */
  public static function faults(): array {
    return [
      'SQLite is busy' => ['sqlite', 'HY000', 5, 'database is locked', 'conflict'],
      'SQLite has the key' => ['sqlite', '23000', 19, 'UNIQUE constraint failed: runs.rid', 'duplicate'],
      'SQLite misses a value' => ['sqlite', '23000', 19, 'NOT NULL constraint failed: runs.rid', 'other'],
      'SQLite is full' => ['sqlite', 'HY000', 13, 'database or disk is full', 'full'],
      'MySQL has a deadlock' => ['mysql', '40001', 1213, 'Deadlock found', 'conflict'],
      'MySQL waited too long' => ['mysql', 'HY000', 1205, 'Lock wait timeout exceeded', 'conflict'],
      'MySQL has the key' => ['mysql', '23000', 1062, 'Duplicate entry', 'duplicate'],
      'MySQL is gone' => ['mysql', 'HY000', 2006, 'MySQL server has gone away', 'unavailable'],
      'PostgreSQL has a deadlock' => ['pgsql', '40P01', 7, 'deadlock detected', 'conflict'],
      'PostgreSQL has the key' => ['pgsql', '23505', 7, 'duplicate key value', 'duplicate'],
      'PostgreSQL shuts down' => ['pgsql', '57P01', 7, 'terminating connection', 'unavailable'],
      'PostgreSQL is gone' => ['pgsql', 'HY000', 7, 'no connection to the server', 'unavailable'],
      'a mistake' => ['pgsql', '42601', 7, 'syntax error', 'other'],
    ];
  }

}
