<?php

declare(strict_types=1);

namespace Ossa\Tests\Store;

final class DoctrineSqliteTest extends DoctrineStoreTestCase
{
    private static string $file;

    public static function setUpBeforeClass(): void
    {
        self::$file = sys_get_temp_dir().'/ossa-doctrine-'.bin2hex(random_bytes(6)).'.db';
    }

    public static function tearDownAfterClass(): void
    {
        array_map(unlink(...), glob(self::$file.'*') ?: []);
    }

    protected static function database(): string
    {
        return 'sqlite:///'.self::$file;
    }
}
