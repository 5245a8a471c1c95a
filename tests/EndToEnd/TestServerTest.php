<?php

declare(strict_types=1);

namespace Ossa\Tests\EndToEnd;

use Ossa\Tests\Support\TestServer;
use PHPUnit\Framework\TestCase;

/** The servers of the tests themselves. */
final class TestServerTest extends TestCase
{
    public function testAServerThatWasKilledComesBackWithItsDataOnTheSamePort(): void
    {
        $server = TestServer::start('redis', ['--appendfsync', 'always']);
        $dsn = $server->dsn;
        self::assertSame('+OK', self::ask($server, "SET greeting hello\r\n"));

        $server->kill();
        self::assertFalse(@fsockopen('127.0.0.1', $server->port));
        $server->restart();

        self::assertSame($dsn, $server->dsn);
        self::assertSame('$5', self::ask($server, "GET greeting\r\n"));
        $server->stop();
        self::assertFalse(@fsockopen('127.0.0.1', $server->port));
    }

    private static function ask(TestServer $server, string $command): string
    {
        $connection = fsockopen('127.0.0.1', $server->port);
        self::assertNotFalse($connection);
        fwrite($connection, $command);

        return rtrim((string) fgets($connection));
    }
}
