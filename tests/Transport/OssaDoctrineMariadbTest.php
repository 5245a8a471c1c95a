<?php

declare(strict_types=1);

namespace Ossa\Tests\Transport;

use Ossa\Tests\Support\TestServer;

final class OssaDoctrineMariadbTest extends OssaDoctrineTestCase
{
    protected function database(): string
    {
        if (!\extension_loaded('pdo_mysql')) {
            self::markTestSkipped('the PHP extension "pdo_mysql" is not installed');
        }

        return TestServer::shared('mariadb')->dsn;
    }
}
