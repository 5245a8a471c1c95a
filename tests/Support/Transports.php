<?php

declare(strict_types=1);

namespace Ossa\Tests\Support;

use Doctrine\DBAL\Connection;
use Doctrine\DBAL\DriverManager;
use Doctrine\DBAL\Tools\DsnParser;
use Doctrine\Persistence\ConnectionRegistry;
use Ossa\Runtime\Engine;
use Ossa\SymfonyRuntime\Store\DoctrineConnection;
use Ossa\SymfonyRuntime\Transport\OssaTransportFactory;
use Ossa\SymfonyRuntime\Transport\WorkerTransports;
use Symfony\Component\Messenger\Bridge\Amqp\Transport\AmqpTransportFactory;
use Symfony\Component\Messenger\Bridge\Doctrine\Transport\DoctrineTransportFactory;
use Symfony\Component\Messenger\Bridge\Redis\Transport\RedisTransportFactory;
use Symfony\Component\Messenger\Transport\Serialization\PhpSerializer;
use Symfony\Component\Messenger\Transport\Serialization\SerializerInterface;
use Symfony\Component\Messenger\Transport\TransportInterface;

/**
 * Opens transports without an application, Symfony's own and ours alike.
 *
 * Two DSNs are of the tests alone: `doctrine+URL` is Symfony's Doctrine transport on a connection of its own to that
 * URL, and the option `store` names the engine's store for `ossa://default`: a DSN, or `doctrine+URL` for tables there.
 */
final class Transports
{
    /** @param array<string, mixed> $options */
    public static function open(string $dsn, array $options = [], SerializerInterface $serializer = new PhpSerializer()): TransportInterface
    {
        $scheme = (string) strstr($dsn, ':', true);

        return match (true) {
            str_starts_with($scheme, 'doctrine+') => (new DoctrineTransportFactory(self::registry(substr($dsn, \strlen('doctrine+')))))->createTransport('doctrine://default', $options, $serializer),
            'redis' === $scheme => (new RedisTransportFactory())->createTransport($dsn, $options, $serializer),
            'amqp' === $scheme => (new AmqpTransportFactory())->createTransport($dsn, $options, $serializer),
            default => self::ossa($dsn, $options, $serializer),
        };
    }

    /** @param array<string, mixed> $options */
    private static function ossa(string $dsn, array $options, SerializerInterface $serializer): TransportInterface
    {
        $store = $options['store'] ?? 'memory:';
        \assert(\is_string($store));

        $engine = static fn (): Engine => str_starts_with($store, 'doctrine+')
            ? Engine::over(new DoctrineConnection(self::connection(substr($store, \strlen('doctrine+')))))
            : Engine::open($store);

        return (new OssaTransportFactory($engine, new WorkerTransports()))
            ->createTransport($dsn, array_diff_key($options, ['store' => true]), $serializer);
    }

    public static function connection(string $url): Connection
    {
        $drivers = ['sqlite' => 'pdo_sqlite', 'postgresql' => 'pdo_pgsql', 'mysql' => 'pdo_mysql'];

        return DriverManager::getConnection((new DsnParser($drivers))->parse($url));
    }

    private static function registry(string $url): ConnectionRegistry
    {
        return new class(self::connection($url)) implements ConnectionRegistry {
            public function __construct(private readonly Connection $connection)
            {
            }

            public function getDefaultConnectionName(): string
            {
                return 'default';
            }

            public function getConnection(?string $name = null): object
            {
                return $this->connection;
            }

            public function getConnections(): array
            {
                return ['default' => $this->connection];
            }

            public function getConnectionNames(): array
            {
                return ['default' => 'default'];
            }
        };
    }
}
