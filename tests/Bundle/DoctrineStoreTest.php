<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle;

use Doctrine\DBAL\Connection;
use Ossa\Tests\Application\ApplicationTestCase;
use Ossa\Tests\Application\DoctrineConnections;
use Symfony\Component\Messenger\Transport\InMemory\InMemoryTransport;

/** Runs in the application's own database. */
final class DoctrineStoreTest extends ApplicationTestCase
{
    private const STORE = ['runtime' => ['state_backend' => 'doctrine://default?prefix=shop_']];

    public function testTheStoreIsCreatedBeforehand(): void
    {
        $this->boot(['runtime' => ['state_backend' => 'doctrine://default?auto_setup=false']]);

        $this->console(['command' => 'ossa:store:setup']);

        self::assertTrue($this->connection()->createSchemaManager()->tablesExist(['ossa_runs', 'ossa_messages']));
        self::assertSame([], $this->engine()->runs());
    }

    public function testStatementsForAMigrationArePrinted(): void
    {
        $this->boot(self::STORE);

        $printed = $this->console(['command' => 'ossa:store:setup', '--dump-sql' => true])->getDisplay();

        self::assertStringContainsString('CREATE TABLE IF NOT EXISTS shop_runs (', $printed);
        self::assertFalse($this->connection()->createSchemaManager()->tablesExist(['shop_runs']));
    }

    public function testRunsOfATransactionReachOtherTransportsAfterItsCommit(): void
    {
        $this->boot(array_replace_recursive(self::STORE, ['runtime' => ['transport' => 'work']]), ['transports' => ['work' => 'in-memory://']]);
        $this->console(['command' => 'ossa:store:setup']);
        $work = $this->transport('work');
        self::assertInstanceOf(InMemoryTransport::class, $work);

        $this->connection()->beginTransaction();
        $this->runtime()->startTask('echo');
        $sent = [\count($work->getSent())];
        $this->connection()->commit();
        $this->connection()->beginTransaction();
        $this->runtime()->startTask('echo');
        $this->connection()->rollBack();
        $this->runtime()->startTask('echo');

        $sent[] = \count($work->getSent());

        self::assertSame([0, 2], $sent, 'none before the commit, and none of the run that was rolled back');
    }

    private function connection(): Connection
    {
        $connection = $this->service(DoctrineConnections::class)->getConnection();
        self::assertInstanceOf(Connection::class, $connection);

        return $connection;
    }
}
