<?php

declare(strict_types=1);

namespace Ossa\Tests\Bench;

use Ossa\Runtime\Engine;
use Ossa\SymfonyRuntime\Transport\OssaTransport;
use Ossa\SymfonyRuntime\Transport\OssaTransportFactory;
use Ossa\SymfonyRuntime\Transport\WorkerTransports;
use Ossa\Tests\Support\TestServer;
use Ossa\Tests\Support\Transports;
use Symfony\Component\Messenger\Transport\Serialization\PhpSerializer;
use Symfony\Component\Messenger\Transport\TransportInterface;

/** What is compared: by backend, Symfony's own transport first, then what is held against it. */
final class Variants
{
    /** Each measurement has a queue of its own: the name of its folder. */
    private const SERVER = 'OSSA_BENCH_DSN_';

    public static function named(string $name): Variant
    {
        foreach (self::all() as $variants) {
            foreach ($variants as $variant) {
                if ($variant->name === $name) {
                    return $variant;
                }
            }
        }
        throw new \InvalidArgumentException(\sprintf('No variant "%s".', $name));
    }

    /** @return array<string, non-empty-list<Variant>> by backend */
    public static function all(): array
    {
        return [
            'sqlite' => [
                new Variant('doctrine-sqlite', static fn (string $folder): TransportInterface => Transports::open('doctrine+sqlite:///'.$folder.'/doctrine.db')),
                new Variant('ossa-sqlite', static fn (string $folder): OssaTransport => self::ossa('ossa+sqlite://'.$folder.'/ossa.db?synchronous=full')),
                new Variant('ossa-sqlite-normal', static fn (string $folder): OssaTransport => self::ossa('ossa+sqlite://'.$folder.'/ossa.db?synchronous=normal')),
            ],
            'redis' => [
                new Variant('redis', static fn (string $folder): TransportInterface => Transports::open(preg_replace('~/0$~', '/'.basename($folder), self::server('redis')) ?? '', ['consumer' => (string) getmypid()])),
                new Variant('php-redis-batched', static fn (string $folder): TransportInterface => new BatchedRedis(self::server('redis'), basename($folder))),
                new Variant('ossa-redis', static fn (string $folder): OssaTransport => self::ossa('ossa+'.self::server('redis').'?queue='.basename($folder))),
            ],
        ];
    }

    /** Starts the server of a backend, for this process and those it starts; null where there is no need of one. */
    public static function start(string $backend): ?TestServer
    {
        if ('sqlite' === $backend) {
            return null;
        }
        $server = TestServer::start($backend);
        putenv(self::SERVER.strtoupper($backend).'='.$server->dsn);

        return $server;
    }

    private static function server(string $backend): string
    {
        return (string) getenv(self::SERVER.strtoupper($backend));
    }

    private static function ossa(string $dsn): OssaTransport
    {
        $transports = new WorkerTransports();
        $transport = (new OssaTransportFactory(static fn (): Engine => throw new \LogicException('Each has a store of its own.'), $transports))
            ->createTransport($dsn, ['transport_name' => 'bench'], new PhpSerializer());
        // What the bundle's listener says when messenger:consume starts.
        $transports->workerStarted(['bench']);

        return $transport;
    }
}
