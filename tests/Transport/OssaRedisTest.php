<?php

declare(strict_types=1);

namespace Ossa\Tests\Transport;

use Ossa\Tests\Support\TestServer;

/** `ossa+redis://`, a store in Redis. */
final class OssaRedisTest extends OssaContractTestCase
{
    protected function address(string $queue, string $receiver): array
    {
        return ['ossa+'.TestServer::shared('redis')->dsn.'?queue='.$queue, ['lease_seconds' => 1]];
    }
}
