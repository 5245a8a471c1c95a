<?php

declare(strict_types=1);

namespace Ossa\Tests\Store;

final class DoctrinePostgresqlTest extends DoctrineServerTestCase
{
    protected const SERVER = 'postgresql';
    protected const DRIVER = 'pdo_pgsql';
}
