<?php

declare(strict_types=1);

namespace Ossa\Tests\Transport;

use Ossa\Tests\Support\TestServer;

/** `ossa+postgresql://`, a schema of its own on a server. */
final class OssaPostgresqlTest extends OssaContractTestCase
{
    protected function address(string $queue, string $receiver): array
    {
        return ['ossa+'.TestServer::shared('postgresql')->dsn.'?queue='.$queue, ['lease_seconds' => 1]];
    }
}
