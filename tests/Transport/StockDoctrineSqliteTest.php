<?php

declare(strict_types=1);

namespace Ossa\Tests\Transport;

/** Symfony's Doctrine transport on SQLite. */
final class StockDoctrineSqliteTest extends StockDoctrineTestCase
{
    protected function address(string $queue, string $receiver): array
    {
        return ['doctrine+sqlite:///'.$this->folder().'/messenger.db', ['queue_name' => $queue, 'redeliver_timeout' => 1]];
    }
}
