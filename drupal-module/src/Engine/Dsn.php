<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Engine;

/**
 * The DSN of a store, for people to see.
 */
final class Dsn {

  /**
   * The DSN with stars instead of secrets.
   *
   * @param string $dsn
   *   A DSN.
   */
  public static function redacted(#[\SensitiveParameter] string $dsn): string {
    return (string) preg_replace([
      // Rather too much than too little: what should be escaped in a password
      // sometimes is not.
      '{(://[^/?#@:]*:).+@}',
      '{([?&](?:auth|pass|passwd|password|sslpassword|token)=)[^&#]+}i',
    ], ['$1***@', '$1***'], $dsn);
  }

  /**
   * Whether it has a secret that does not belong into configuration.
   *
   * @param string $dsn
   *   A DSN.
   */
  public static function hasSecret(#[\SensitiveParameter] string $dsn): bool {
    return self::redacted($dsn) !== $dsn || preg_match('/:\*\*\*@|=\*\*\*/', $dsn) === 1;
  }

}
