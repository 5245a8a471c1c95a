<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle;

use Ossa\SymfonyRuntime\EngineFactory;
use Ossa\SymfonyRuntime\Exception\LogicException;
use Ossa\Tests\Application\DoctrineConnections;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\TestCase;

/** What only shows when environment variables have their values. */
final class EngineFactoryTest extends TestCase
{
    #[DataProvider('configurationsThatCannotWork')]
    public function testAConfigurationThatCannotWorkIsRefusedUnderItsName(string $store, string $transport, string $name, string $reason): void
    {
        $factory = new EngineFactory($store, $transport, [], [], 'lenient', null, 30, []);

        try {
            $factory->create();
            self::fail('the configuration cannot work');
        } catch (LogicException $exception) {
            self::assertStringStartsWith('"ossa.runtime.'.$name.'"', $exception->getMessage());
            self::assertStringContainsString($reason, $exception->getMessage());
        }
    }

    public function testAConnectionThatDoctrineDoesNotHaveIsNamedWithThoseItHas(): void
    {
        $factory = new EngineFactory('doctrine://orders', 'ossa://default', [], [], 'lenient', null, 30, [], new DoctrineConnections(':memory:'));

        $this->expectException(LogicException::class);
        $this->expectExceptionMessage('names the connection "orders" of Doctrine; there are: default.');
        $factory->create();
    }

    /** @return iterable<string, array{string, string, string, string}> */
    public static function configurationsThatCannotWork(): iterable
    {
        yield 'a path instead of a DSN' => ['var/ossa.db', 'ossa://default', 'state_backend', 'sqlite:///'];
        yield 'a database without Doctrine' => ['doctrine://default', 'ossa://default', 'state_backend', 'composer require'];
        yield 'a connection without a name' => ['doctrine://', 'ossa://default', 'state_backend', 'must name a connection'];
        yield 'a transport that cannot wait' => ['memory:', 'sync://', 'transport', 'cannot wait'];
    }
}
