<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Store;

/**
 * Says in the engine's words what an exception of PDO means.
 */
final class PdoFault {

  private const CODES = [
    'sqlite' => [
      5 => 'conflict',
      6 => 'conflict',
      13 => 'full',
      14 => 'unavailable',
    ],
    'mysql' => [
      1021 => 'full',
      1062 => 'duplicate',
      1114 => 'full',
      1205 => 'conflict',
      1213 => 'conflict',
      2002 => 'unavailable',
      2003 => 'unavailable',
      2006 => 'unavailable',
      2013 => 'unavailable',
      2055 => 'unavailable',
    ],
  ];

  private const STATES = [
    '23505' => 'duplicate',
    '40001' => 'conflict',
    '40P01' => 'conflict',
    '53100' => 'full',
    '55P03' => 'conflict',
  ];

  /**
   * Classifies an exception.
   *
   * @param \PDOException $exception
   *   The exception.
   * @param string $type
   *   The type of the database: sqlite, mysql or pgsql.
   *
   * @return 'unavailable'|'conflict'|'duplicate'|'full'|'other'
   *   What it means.
   */
  public static function of(\PDOException $exception, string $type): string {
    $state = (string) ($exception->errorInfo[0] ?? $exception->getCode());
    $code = (int) ($exception->errorInfo[1] ?? 0);
    $message = $exception->getMessage();
    return match (TRUE) {
      isset(self::CODES[$type][$code]) => self::CODES[$type][$code],
      isset(self::STATES[$state]) => self::STATES[$state],
      $type === 'sqlite' && str_contains($message, 'UNIQUE constraint failed') => 'duplicate',
      preg_match('/^(08|57P0)/', $state) === 1 => 'unavailable',
      preg_match('/server has gone away|lost connection|server closed the connection|no connection to the server|could not connect|connection refused/i', $message) === 1 => 'unavailable',
      default => 'other',
    };
  }

}
