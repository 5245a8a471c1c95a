<?php

declare(strict_types=1);

namespace Ossa\Tests\Chaos;

use Ossa\Tests\Support\TestServer;
use Ossa\Tests\Support\WorkerClocks;

/** Where runs and messages are kept. */
enum Backend: string
{
    /** Both in one SQLite file. */
    case Engine = 'engine';
    /** Messages in a SQLite file of their own. */
    case Sqlite = 'sqlite';
    /** Messages in Redis, which syncs every second. */
    case Redis = 'redis';
    /** Both in Redis, which syncs each write. */
    case RedisAlways = 'redis-always';
    /** Messages in Redis, which writes nothing down. */
    case RedisVolatile = 'redis-volatile';
    /** Both in PostgreSQL. */
    case Postgresql = 'postgresql';
    /** Both in PostgreSQL, through the application's own connection. */
    case Doctrine = 'doctrine';
    /** Messages in RabbitMQ. */
    case Rabbitmq = 'rabbitmq';

    /** @return non-empty-list<Fault> */
    public function faults(): array
    {
        return match ($this) {
            self::Engine, self::Sqlite => [Fault::Worker, Fault::Disk, Fault::Forward, Fault::Back],
            self::RedisVolatile => [Fault::Server],
            self::Doctrine => [Fault::Worker, Fault::Server],
            default => Fault::cases(),
        };
    }

    /** @return list<Fault> what is tried, one after the other, with each run of the tests: what takes no root and no long time */
    public function faultsInShort(): array
    {
        return match ($this) {
            self::Redis, self::RedisVolatile, self::Doctrine => [],
            default => array_values(array_filter($this->faults(), static fn (Fault $fault): bool => Fault::Disk !== $fault && (!$fault->isOfTheClock() || WorkerClocks::canBeSet()))),
        };
    }

    /** Whether all that was confirmed is handled, whatever the fault does. */
    public function keepsAll(Fault $fault): bool
    {
        return Fault::Server !== $fault || !\in_array($this, [self::Redis, self::RedisVolatile], true);
    }

    /** Starts what it runs on; null where that is no server. */
    public function start(?string $disk = null): ?TestServer
    {
        return match ($this) {
            self::Engine, self::Sqlite => null,
            self::Redis => TestServer::start('redis', disk: $disk),
            self::RedisAlways => TestServer::start('redis', ['--appendfsync', 'always'], $disk),
            self::RedisVolatile => TestServer::start('redis', ['--appendonly', 'no'], $disk),
            self::Postgresql, self::Doctrine => TestServer::start('postgresql', null === $disk ? [] : ['-c', 'min_wal_size=32MB', '-c', 'max_wal_size=32MB'], $disk),
            self::Rabbitmq => TestServer::start('rabbitmq', null === $disk ? [] : ['-rabbit', 'disk_free_limit', '20000000'], $disk),
        };
    }

    /** How large a disk its data needs in the rounds that fill it. */
    public function megabytes(): int
    {
        return match ($this) {
            self::Engine, self::Sqlite => 16,
            self::Redis, self::RedisAlways, self::RedisVolatile => 32,
            self::Postgresql, self::Doctrine => 160,
            self::Rabbitmq => 256,
        };
    }

    /** @return array{int, int} how many bytes are left on a disk that is full, or soon will be */
    public function leftOnFullDisk(): array
    {
        // RabbitMQ takes nothing when there is less than it was told to keep free; it does not survive having none.
        return self::Rabbitmq === $this ? [8_000_000, 16_000_000] : [0, 100_000];
    }

    /**
     * OSSA_TEST_SERVER is where this process reaches the server: not all have the same way.
     *
     * @return array{store: string, transport: string} DSNs; the queue is still to be named
     */
    public function addresses(): array
    {
        $engine = 'sqlite:///%env(OSSA_TEST_FOLDER)%/ossa.db';

        return match ($this) {
            self::Engine => ['store' => 'sqlite:///%env(OSSA_TEST_FOLDER)%/data/ossa.db', 'transport' => 'ossa://default?'],
            self::Sqlite => ['store' => $engine, 'transport' => 'ossa+sqlite:///%env(OSSA_TEST_FOLDER)%/data/queue.db?'],
            self::Redis, self::RedisVolatile, self::Rabbitmq => ['store' => $engine, 'transport' => 'ossa+%env(OSSA_TEST_SERVER)%?'],
            self::RedisAlways => ['store' => '%env(OSSA_TEST_SERVER)%?mode=strict', 'transport' => 'ossa://default?'],
            self::Postgresql => ['store' => '%env(OSSA_TEST_SERVER)%', 'transport' => 'ossa://default?'],
            self::Doctrine => ['store' => 'doctrine://default', 'transport' => 'ossa://default?'],
        };
    }
}
