<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Unit;

use Drupal\Tests\UnitTestCase;
use Drupal\ossa_eca\Engine\Dsn;

/**
 * A DSN is shown without its secrets.
 *
 * @group ossa_eca
 */
final class DsnTest extends UnitTestCase {

  /**
   * Secrets are replaced, wherever they are, and are found.
   */
  public function testSecretsAreReplacedAndFound(): void {
    foreach ([
      'postgresql://ossa:secret@host/db' => 'postgresql://ossa:***@host/db',
      'redis://:secret@host' => 'redis://:***@host',
      'redis://u:sec/r?e#t@host:1/0' => 'redis://u:***@host:1/0',
      'redis://u:sec@ret@host' => 'redis://u:***@host',
      'redis://host/0?password=secret&x=1' => 'redis://host/0?password=***&x=1',
      'redis://host/0?x=1&AUTH=secret' => 'redis://host/0?x=1&AUTH=***',
    ] as $dsn => $shown) {
      self::assertSame($shown, Dsn::redacted($dsn));
      self::assertTrue(Dsn::hasSecret($dsn));
      self::assertTrue(Dsn::hasSecret($shown), 'What was redacted is not taken for a DSN.');
    }
  }

  /**
   * What has no secret stays as it is.
   */
  public function testDsnWithoutSecretStaysAsItIs(): void {
    foreach ([
      '',
      'memory:',
      'sqlite:///var/lib/a:b.db',
      'postgresql://ossa@host:5432/db',
      'redis://one:1,two:2?sentinel=x',
    ] as $dsn) {
      self::assertSame($dsn, Dsn::redacted($dsn));
      self::assertFalse(Dsn::hasSecret($dsn));
    }
  }

}
