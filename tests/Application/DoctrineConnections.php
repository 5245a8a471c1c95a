<?php

declare(strict_types=1);

namespace Ossa\Tests\Application;

use Doctrine\DBAL\Connection;
use Doctrine\DBAL\DriverManager;
use Doctrine\DBAL\Tools\DsnParser;
use Doctrine\Persistence\ConnectionRegistry;

/** One connection, to the database given or else to a SQLite file, for Symfony's Doctrine transport and for the application. */
final class DoctrineConnections implements ConnectionRegistry
{
    private ?Connection $connection = null;

    public function __construct(private readonly string $file, private readonly string $dsn = '')
    {
    }

    public function getDefaultConnectionName(): string
    {
        return 'default';
    }

    public function getConnection(?string $name = null): object
    {
        if (!\in_array($name, [null, 'default'], true)) {
            throw new \InvalidArgumentException(\sprintf('Doctrine ORM Connection named "%s" does not exist.', $name));
        }
        if (null === $this->connection && '' !== $this->dsn) {
            $this->connection = DriverManager::getConnection((new DsnParser(['postgresql' => 'pdo_pgsql', 'mysql' => 'pdo_mysql']))->parse($this->dsn));
        } elseif (null === $this->connection) {
            @mkdir(\dirname($this->file), 0777, true);
            $this->connection = DriverManager::getConnection(['driver' => 'pdo_sqlite', 'path' => $this->file]);
            // Several workers share the file.
            $this->connection->executeStatement('PRAGMA busy_timeout = 10000');
            $this->connection->executeStatement('PRAGMA journal_mode = WAL');
        }

        return $this->connection;
    }

    public function getConnections(): array
    {
        return ['default' => $this->getConnection()];
    }

    public function getConnectionNames(): array
    {
        return ['default' => 'default'];
    }
}
