<?php

declare(strict_types=1);

namespace Ossa\Tests\Application\Handler;

use Doctrine\DBAL\Connection;
use Ossa\SymfonyRuntime\Attribute\AsCapability;
use Ossa\SymfonyRuntime\Context\OssaContext;
use Ossa\Tests\Application\DoctrineConnections;
use Ossa\Tests\Bundle\Fixture\Note;
use Symfony\Component\Messenger\MessageBusInterface;
use Symfony\Component\Messenger\Stamp\DispatchAfterCurrentBusStamp;

/** Writes rows into the application's own database, and says so to others when its transaction is over. */
final readonly class Ledger
{
    private Connection $connection;

    public function __construct(DoctrineConnections $connections, private MessageBusInterface $bus)
    {
        $connection = $connections->getConnection();
        \assert($connection instanceof Connection);
        $this->connection = $connection;
    }

    public function open(): void
    {
        $this->connection->executeStatement('PRAGMA foreign_keys = ON');
        $this->connection->executeStatement('CREATE TABLE accounts (id INTEGER PRIMARY KEY)');
        $this->connection->executeStatement('INSERT INTO accounts VALUES (1)');
        $this->connection->executeStatement('CREATE TABLE entries (attempt INTEGER, account INTEGER REFERENCES accounts (id) DEFERRABLE INITIALLY DEFERRED)');
    }

    /** Its first attempt ends as asked for: its transaction cannot be committed, or it throws half way. */
    #[AsCapability('post')]
    public function post(OssaContext $context, string $first): string
    {
        $fault = 1 === $context->attempt ? $first : 'none';
        $this->bus->dispatch(new Note(), [new DispatchAfterCurrentBusStamp()]);
        $this->connection->insert('entries', ['attempt' => $context->attempt, 'account' => 'uncommittable' === $fault ? 404 : 1]);
        if ('throws' === $fault) {
            throw new TemporaryFault('half of the work is done');
        }

        return 'posted in attempt '.$context->attempt;
    }

    /** @return list<int> the attempts whose rows are there to stay */
    public function entries(): array
    {
        return array_map(static fn (mixed $attempt): int => is_numeric($attempt) ? (int) $attempt : 0, $this->connection->fetchFirstColumn('SELECT attempt FROM entries ORDER BY attempt'));
    }
}
