<?php

declare(strict_types=1);

namespace Ossa\Tests\Transport;

use Ossa\Tests\Support\TestServer;

/** Symfony's Doctrine transport on PostgreSQL. */
final class StockDoctrinePostgresqlTest extends StockDoctrineTestCase
{
    protected function address(string $queue, string $receiver): array
    {
        if (!\extension_loaded('pdo_pgsql')) {
            self::markTestSkipped('the PHP extension "pdo_pgsql" is not installed');
        }

        return ['doctrine+'.TestServer::shared('postgresql')->dsn, ['queue_name' => $queue, 'redeliver_timeout' => 1, 'check_delayed_interval' => 50]];
    }
}
