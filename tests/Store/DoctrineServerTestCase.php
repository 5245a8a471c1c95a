<?php

declare(strict_types=1);

namespace Ossa\Tests\Store;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ExceptionInterface;
use Ossa\SymfonyRuntime\Store\DoctrineConnection;
use Ossa\Tests\Support\TestServer;

/** The store on a database that is a server. */
abstract class DoctrineServerTestCase extends DoctrineStoreTestCase
{
    protected const SERVER = '';
    protected const DRIVER = '';

    public function testAServerThatWasKilledIsReachedAgainWithoutANewEngine(): void
    {
        $server = TestServer::start(static::SERVER);
        $engine = Engine::over(new DoctrineConnection(self::connect($server->dsn)));
        $engine->transport()->send('kept');
        $server->kill();

        foreach (['lost', 'away'] as $how) {
            try {
                $engine->transport()->count();
                self::fail('the server is '.$how);
            } catch (ExceptionInterface $exception) {
                self::assertSame('OSSA-S002', $exception->getErrorCode(), $exception->getMessage());
                self::assertTrue($exception->isRetryable());
                self::assertStringNotContainsString('ossa:ossa', $exception->getMessage());
            }
        }
        $server->restart();

        self::assertSame('kept', $engine->transport()->receive()[0]->getBody());
    }

    protected static function database(): string
    {
        if (!\extension_loaded(static::DRIVER)) {
            self::markTestSkipped(\sprintf('the PHP extension "%s" is not installed', static::DRIVER));
        }

        return TestServer::shared(static::SERVER)->dsn;
    }
}
