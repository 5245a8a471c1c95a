<?php

declare(strict_types=1);

namespace Ossa\Tests\Store;

use Symfony\Component\Filesystem\Filesystem;

final class DoctrineSqliteTest extends DoctrineStoreTestCase
{
    private static string $file;

    public static function setUpBeforeClass(): void
    {
        self::$file = sys_get_temp_dir().'/ossa-doctrine-'.bin2hex(random_bytes(6)).'.db';
    }

    public static function tearDownAfterClass(): void
    {
        (new Filesystem())->remove([self::$file, self::$file.'-wal', self::$file.'-shm']);
    }

    protected static function database(): string
    {
        return 'sqlite:///'.self::$file;
    }
}
