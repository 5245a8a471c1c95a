<?php

declare(strict_types=1);

namespace Ossa\Tests\Store\Fixture;

use Ossa\Runtime\Store\ConnectionInterface;

/** Ends the process instead of answering a query. */
final class ExitingConnection implements ConnectionInterface
{
    public function platform(): string
    {
        return 'sqlite';
    }

    public function query(string $sql, array $params, array $bytes): array
    {
        exit(3);
    }

    public function execute(string $sql, array $params, array $bytes): int
    {
        return 0;
    }

    public function begin(): void
    {
    }

    public function commit(): void
    {
    }

    public function rollBack(): void
    {
    }

    public function isTransactionActive(): bool
    {
        return false;
    }

    public function classify(\Throwable $exception): string
    {
        return 'other';
    }
}
