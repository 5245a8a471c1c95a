<?php

declare(strict_types=1);

namespace Ossa\Tests\Transport;

use Ossa\Tests\Support\TestServer;

final class OssaDoctrinePostgresqlTest extends OssaDoctrineTestCase
{
    protected function database(): string
    {
        if (!\extension_loaded('pdo_pgsql')) {
            self::markTestSkipped('the PHP extension "pdo_pgsql" is not installed');
        }

        return TestServer::shared('postgresql')->dsn;
    }
}
