<?php

declare(strict_types=1);

namespace Ossa\Tests\Store;

use Ossa\Tests\Support\TestServer;

final class DoctrineMariadbTest extends DoctrineStoreTestCase
{
    protected static function database(): string
    {
        if (!\extension_loaded('pdo_mysql')) {
            self::markTestSkipped('the PHP extension "pdo_mysql" is not installed');
        }

        return TestServer::shared('mariadb')->dsn;
    }
}
