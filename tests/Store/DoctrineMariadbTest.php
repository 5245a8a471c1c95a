<?php

declare(strict_types=1);

namespace Ossa\Tests\Store;

final class DoctrineMariadbTest extends DoctrineServerTestCase
{
    protected const SERVER = 'mariadb';
    protected const DRIVER = 'pdo_mysql';

    /** MySQL's transactions go on reading what was there when they first read, unless told otherwise. */
    public function testATransactionThatHasReadBeforeSeesTheLatestOfARun(): void
    {
        $engine = $this->engine();
        $id = $engine->start('book')->getId();
        $token = $engine->transport()->receive()[0]->getToken();
        self::assertNotNull($token);
        $this->connection()->beginTransaction();
        $this->connection()->fetchOne('SELECT COUNT(*) FROM ossa_runs');

        $this->engine($this->otherConnection())->complete($token, ['by' => 'another']);

        self::assertSame('duplicate', $engine->complete($token, ['by' => 'one'])->getStatus());
        $this->connection()->commit();
        self::assertSame(['by' => 'another'], $engine->run($id)?->getOutput());
    }
}
