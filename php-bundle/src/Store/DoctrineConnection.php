<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Store;

use Doctrine\DBAL\Connection;
use Doctrine\DBAL\Connections\PrimaryReadReplicaConnection;
use Doctrine\DBAL\Exception\ConnectionException;
use Doctrine\DBAL\Exception\DriverException;
use Doctrine\DBAL\Exception\RetryableException;
use Doctrine\DBAL\Exception\UniqueConstraintViolationException;
use Doctrine\DBAL\ParameterType;
use Doctrine\DBAL\Platforms\AbstractMySQLPlatform;
use Doctrine\DBAL\Platforms\PostgreSQLPlatform;
use Doctrine\DBAL\Platforms\SQLitePlatform;
use Ossa\Runtime\Store\ConnectionInterface;
use Ossa\SymfonyRuntime\Exception\LogicException;

/** A connection of the application's as the place where runs are kept: what is written goes with its transactions. */
final class DoctrineConnection implements ConnectionInterface
{
    /** SQLSTATE 53100, MySQL's ER_DISK_FULL and ER_RECORD_FILE_FULL, SQLite's SQLITE_FULL. */
    private const FULL = ['53100', 1021, 1114, 13];
    /** What says that a connection is lost where Doctrine has no exception of its own for it. */
    private const LOST = '/server has gone away|lost connection|server closed the connection|terminating connection|no connection to the server|could not connect/i';

    /** Whether the transaction that is open was begun here. */
    private bool $isOurs = false;

    public function __construct(private readonly Connection $connection)
    {
    }

    public function platform(): string
    {
        $platform = $this->connection->getDatabasePlatform();

        return match (true) {
            $platform instanceof SQLitePlatform => 'sqlite',
            $platform instanceof PostgreSQLPlatform => 'postgresql',
            $platform instanceof AbstractMySQLPlatform => 'mysql',
            default => throw new LogicException(\sprintf('Runs cannot be kept in the database of this connection (%s): use SQLite, PostgreSQL, MySQL or MariaDB.', $platform::class)),
        };
    }

    public function query(string $sql, array $params, array $bytes): array
    {
        if ($this->connection instanceof PrimaryReadReplicaConnection) {
            // A replica may not have yet what was just written.
            $this->connection->ensureConnectedToPrimary();
        }
        /** @var list<list<int|string|bool|null>> $rows but for streams, which some drivers give for bytes */
        $rows = $this->connection->executeQuery($sql, $params, self::types($params, $bytes))->fetchAllNumeric();

        return $this->connection->getDatabasePlatform() instanceof PostgreSQLPlatform ? array_map(self::readStreams(...), $rows) : $rows;
    }

    public function execute(string $sql, array $params, array $bytes): int
    {
        return (int) $this->connection->executeStatement($sql, $params, self::types($params, $bytes));
    }

    public function begin(): void
    {
        $this->connection->beginTransaction();
        $this->isOurs = true;
    }

    public function commit(): void
    {
        $this->connection->commit();
        $this->isOurs = false;
    }

    public function rollBack(): void
    {
        $this->isOurs = false;
        $this->connection->rollBack();
    }

    public function isTransactionActive(): bool
    {
        return $this->connection->isTransactionActive();
    }

    public function classify(\Throwable $exception): string
    {
        if ($this->isLost($exception)) {
            if ($this->isOurs || !$this->connection->isTransactionActive()) {
                // The next call connects again. A transaction of the application's is its own to find lost.
                $this->isOurs = false;
                $this->connection->close();
            }

            return 'unavailable';
        }

        return match (true) {
            $exception instanceof UniqueConstraintViolationException => 'duplicate',
            $exception instanceof RetryableException => 'conflict',
            $exception instanceof DriverException && ([] !== array_intersect([$exception->getSQLState(), $exception->getCode()], self::FULL)) => 'full',
            default => 'other',
        };
    }

    private function isLost(\Throwable $exception): bool
    {
        if ($exception instanceof ConnectionException) {
            return true;
        }

        return $exception instanceof DriverException
            && (1 === preg_match('/^(08|57P0)/', (string) $exception->getSQLState()) || 1 === preg_match(self::LOST, $exception->getMessage()));
    }

    /**
     * @param list<int|string|null> $params
     * @param list<int>             $bytes
     *
     * @return list<ParameterType>
     */
    private static function types(array $params, array $bytes): array
    {
        $types = array_map(static fn (int|string|null $param): mixed => match (true) {
            null === $param => ParameterType::NULL,
            \is_int($param) => ParameterType::INTEGER,
            default => ParameterType::STRING,
        }, $params);
        foreach ($bytes as $place) {
            $types[$place] = ParameterType::LARGE_OBJECT;
        }

        return array_values($types);
    }

    /**
     * @param list<mixed> $row
     *
     * @return list<mixed>
     */
    private static function readStreams(array $row): array
    {
        return array_map(static fn (mixed $value): mixed => \is_resource($value) ? stream_get_contents($value) : $value, $row);
    }
}
