<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Transaction;

use Doctrine\DBAL\Connection;
use Doctrine\DBAL\Exception\TableExistsException;
use Doctrine\DBAL\Exception\TableNotFoundException;
use Doctrine\DBAL\Schema\Table;
use Doctrine\DBAL\Types\Types;

/**
 * The outputs of transactional steps, in the application's own database: one row a step, written in the transaction of
 * its handlers.
 *
 * @internal
 */
final readonly class StepInbox
{
    public function __construct(
        private Connection $connection,
        private string $table,
        private bool $autoSetup,
    ) {
    }

    /**
     * The output that an earlier attempt committed; null when none did. Never called within a transaction: a database
     * may refuse everything in one that a query failed in.
     */
    public function find(string $effectKey): ?RecordedOutput
    {
        try {
            return $this->select($effectKey);
        } catch (TableNotFoundException $exception) {
            if (!$this->autoSetup) {
                throw $exception;
            }
            $this->setUp();

            return null;
        }
    }

    public function record(string $effectKey, mixed $output): void
    {
        $this->connection->insert(
            $this->table,
            ['effect_key' => $effectKey, 'output' => json_encode($output, \JSON_THROW_ON_ERROR | \JSON_PRESERVE_ZERO_FRACTION | \JSON_UNESCAPED_UNICODE), 'created_at' => new \DateTimeImmutable()],
            ['output' => Types::TEXT, 'created_at' => Types::DATETIME_IMMUTABLE],
        );
    }

    /** Creates the table; nothing happens when it is there. */
    public function setUp(): void
    {
        $table = new Table($this->table);
        $table->addColumn('effect_key', Types::STRING, ['length' => 190]);
        $table->addColumn('output', Types::TEXT);
        $table->addColumn('created_at', Types::DATETIME_IMMUTABLE);
        $table->setPrimaryKey(['effect_key']);
        $table->addIndex(['created_at']);
        try {
            $this->connection->createSchemaManager()->createTable($table);
        } catch (TableExistsException) {
            // Another worker was faster.
        }
    }

    private function select(string $effectKey): ?RecordedOutput
    {
        $output = $this->connection->fetchOne(\sprintf('SELECT output FROM %s WHERE effect_key = ?', $this->table), [$effectKey]);

        return \is_string($output) ? new RecordedOutput(json_decode($output, true, flags: \JSON_THROW_ON_ERROR)) : null;
    }
}
