<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Transaction;

use Doctrine\DBAL\Connection;
use Doctrine\DBAL\Exception\TableExistsException;
use Doctrine\DBAL\Exception\TableNotFoundException;
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

    /**
     * Removes the outputs of runs that are no longer kept.
     *
     * @param list<string> $runs
     */
    public function forget(array $runs): void
    {
        // A key is the run, its scope and its node, and "0" follows "/": the rows of a run stand together.
        $delete = \sprintf('DELETE FROM %s WHERE effect_key > ? AND effect_key < ?', $this->table);
        try {
            foreach ($runs as $run) {
                $this->connection->executeStatement($delete, [$run.'/', $run.'0']);
            }
        } catch (TableNotFoundException) {
            // No transactional step has run yet.
        }
    }

    /** Creates the table; nothing happens when it is there. */
    public function setUp(): void
    {
        // Not by DBAL's schema classes: how a table is described there is different from 4.2 to 4.5.
        $platform = $this->connection->getDatabasePlatform();
        $create = \sprintf(
            'CREATE TABLE %s (effect_key %s NOT NULL, output %s NOT NULL, created_at %s NOT NULL, PRIMARY KEY (effect_key))',
            $this->table,
            $platform->getStringTypeDeclarationSQL(['length' => 190]),
            $platform->getClobTypeDeclarationSQL([]),
            $platform->getDateTimeTypeDeclarationSQL([]),
        );
        try {
            $this->connection->executeStatement($create);
            $this->connection->executeStatement(\sprintf('CREATE INDEX %s_created_at ON %s (created_at)', strtr($this->table, '.', '_'), $this->table));
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
