<?php

declare(strict_types=1);

namespace Ossa\Tests\Bench;

use Ossa\Runtime\Engine;
use Ossa\SymfonyRuntime\Transport\OssaTransport;
use Ossa\SymfonyRuntime\Transport\OssaTransportFactory;
use Ossa\SymfonyRuntime\Transport\WorkerTransports;
use Ossa\Tests\Support\TestServer;
use Ossa\Tests\Support\Transports;
use PHPUnit\Framework\Assert;
use Symfony\Component\Messenger\Transport\Serialization\PhpSerializer;
use Symfony\Component\Messenger\Transport\TransportInterface;

/** What is compared: by backend, Symfony's own transport first, then what is held against it. */
final class Variants
{
    public const BACKENDS = ['sqlite', 'redis', 'postgresql', 'rabbitmq'];

    /** The PHP extension that Symfony's own transport needs. */
    private const EXTENSIONS = ['sqlite' => 'pdo_sqlite', 'redis' => 'redis', 'postgresql' => 'pdo_pgsql', 'rabbitmq' => 'amqp'];
    /** Where a server is, for the processes that this one starts. */
    private const SERVER = 'OSSA_BENCH_DSN_';

    public static function named(string $name): Variant
    {
        foreach (self::BACKENDS as $backend) {
            foreach (self::of($backend) as $variant) {
                if ($variant->name === $name) {
                    return $variant;
                }
            }
        }
        throw new \InvalidArgumentException(\sprintf('No variant "%s".', $name));
    }

    /** @return non-empty-list<Variant> */
    public static function of(string $backend): array
    {
        return match ($backend) {
            'sqlite' => [
                new Variant('doctrine-sqlite', static fn (string $folder): TransportInterface => Transports::open('doctrine+sqlite:///'.$folder.'/doctrine.db')),
                self::ours('ossa-sqlite', static fn (string $folder): string => 'sqlite://'.$folder.'/ossa.db?synchronous=full'),
                self::ours('ossa-sqlite-normal', static fn (string $folder): string => 'sqlite://'.$folder.'/ossa.db?synchronous=normal'),
            ],
            'redis' => [
                new Variant('redis', static fn (string $folder): TransportInterface => Transports::open((string) preg_replace('~/0$~', '/'.basename($folder), self::server('redis')), ['consumer' => (string) getmypid()])),
                new Variant('php-redis-batched', static fn (string $folder): TransportInterface => new BatchedRedis(self::server('redis'), basename($folder))),
                self::ours('ossa-redis', static fn (string $folder): string => self::server('redis').'?queue='.basename($folder)),
            ],
            'postgresql' => [
                // A table of its own: what an earlier measurement left behind would slow it down.
                new Variant('doctrine-postgresql', static fn (string $folder): TransportInterface => Transports::open('doctrine+'.self::server('postgresql'), ['table_name' => strtr(basename($folder), '-', '_')])),
                self::ours('ossa-postgresql', static fn (string $folder): string => self::server('postgresql').'?queue='.basename($folder)),
            ],
            'rabbitmq' => [
                new Variant('amqp', static fn (string $folder): TransportInterface => self::amqp($folder)),
                // With the promise of ours: quorum queues, and sends that the broker confirms.
                new Variant('amqp-confirmed', static fn (string $folder): TransportInterface => self::amqp($folder, ['x-queue-type' => 'quorum'], ['confirm_timeout' => 10])),
                self::ours('ossa-amqp', static fn (string $folder): string => self::server('rabbitmq').'?fallback=off&queue='.basename($folder)),
            ],
            default => throw new \InvalidArgumentException(\sprintf('No backend "%s"; there are: %s.', $backend, implode(', ', self::BACKENDS))),
        };
    }

    /** Starts the server of a backend, for this process and those it starts; null where there is no need of one. Skips where something is not installed. */
    public static function start(string $backend): ?TestServer
    {
        $extension = self::EXTENSIONS[$backend] ?? '';
        if (!\extension_loaded($extension)) {
            Assert::markTestSkipped(\sprintf('the PHP extension "%s" is not installed', $extension));
        }
        if ('sqlite' === $backend) {
            return null;
        }
        $server = TestServer::start($backend);
        self::reach($backend, $server->dsn);

        return $server;
    }

    /** The servers are reached by this DSN from now on. */
    public static function reach(string $backend, string $dsn): void
    {
        putenv(self::SERVER.strtoupper($backend).'='.$dsn);
    }

    public static function server(string $backend): string
    {
        return (string) getenv(self::SERVER.strtoupper($backend));
    }

    /**
     * @param array<string, string> $arguments of the queue
     * @param array<string, mixed>  $options
     */
    private static function amqp(string $folder, array $arguments = [], array $options = []): TransportInterface
    {
        $name = basename($folder);

        return Transports::open(self::server('rabbitmq'), $options + [
            'exchange' => ['name' => $name, 'type' => 'direct', 'default_publish_routing_key' => $name],
            'queues' => [$name => ['binding_keys' => [$name], 'arguments' => $arguments]],
        ]);
    }

    /** @param \Closure(string $folder): string $store */
    private static function ours(string $name, \Closure $store): Variant
    {
        return new Variant($name, static function (string $folder) use ($store): OssaTransport {
            $transports = new WorkerTransports();
            $transport = (new OssaTransportFactory(static fn (): Engine => throw new \LogicException('Each has a store of its own.'), $transports))
                ->createTransport('ossa+'.$store($folder), ['transport_name' => 'bench'], new PhpSerializer());
            // What the bundle's listener says when messenger:consume starts.
            $transports->workerStarted(['bench']);

            return $transport;
        }, true);
    }
}
