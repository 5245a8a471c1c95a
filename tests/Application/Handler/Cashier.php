<?php

declare(strict_types=1);

namespace Ossa\Tests\Application\Handler;

use Doctrine\DBAL\Connection;
use Ossa\SymfonyRuntime\Attribute\AsCapability;
use Ossa\SymfonyRuntime\Context\OssaContext;
use Ossa\Tests\Application\DoctrineConnections;
use Ossa\Tests\Application\Effects;

/** Books amounts in the application's own database, and leaves it to the runtime to commit them. */
final readonly class Cashier
{
    private Connection $connection;

    public function __construct(DoctrineConnections $connections, private Effects $effects)
    {
        $connection = $connections->getConnection();
        \assert($connection instanceof Connection);
        $this->connection = $connection;
    }

    public function open(): void
    {
        $this->connection->executeStatement('CREATE TABLE bookings (amount INTEGER)');
    }

    /** @return array{booked: int, attempt: int} */
    #[AsCapability('book')]
    public function book(int $amount, OssaContext $context, ?string $fault = null): array
    {
        $this->effects->record($context);
        $this->connection->insert('bookings', ['amount' => $amount]);
        if (null !== $fault && 1 === $context->attempt) {
            throw new TemporaryFault($fault);
        }

        return ['booked' => $amount, 'attempt' => $context->attempt];
    }

    /** @return list<int> what is there to stay */
    public function bookings(): array
    {
        return array_map(static fn (mixed $amount): int => is_numeric($amount) ? (int) $amount : 0, $this->connection->fetchFirstColumn('SELECT amount FROM bookings'));
    }

    public function hasRecords(): bool
    {
        return $this->connection->createSchemaManager()->tablesExist(['ossa_inbox']);
    }

    public function records(): int
    {
        $count = $this->connection->fetchOne('SELECT COUNT(*) FROM ossa_inbox');

        return is_numeric($count) ? (int) $count : -1;
    }
}
