<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle;

use Ossa\SymfonyRuntime\Exception\LogicException;
use Ossa\SymfonyRuntime\Store\DoctrineDsn;
use PHPUnit\Framework\Attributes\TestWith;
use PHPUnit\Framework\TestCase;

final class DoctrineDsnTest extends TestCase
{
    public function testTheDefaultsSuitOneDatabase(): void
    {
        $dsn = DoctrineDsn::parse('doctrine://default');

        self::assertSame(['default', 'ossa_', true, 50], [$dsn->connection, $dsn->prefix, $dsn->autoSetup, $dsn->pollMs]);
    }

    public function testEachOptionIsTaken(): void
    {
        $dsn = DoctrineDsn::parse('doctrine://orders?prefix=runs_&auto_setup=false&poll_ms=200');

        self::assertSame(['orders', 'runs_', false, 200], [$dsn->connection, $dsn->prefix, $dsn->autoSetup, $dsn->pollMs]);
    }

    #[TestWith(['doctrine://', 'must name a connection'])]
    #[TestWith(['doctrine://user:secret@host', 'must name a connection'])]
    #[TestWith(['doctrine://default?prefx=a_', 'Did you mean "prefix"?'])]
    #[TestWith(['doctrine://default?prefix=Ossa-', '"prefix"'])]
    #[TestWith(['doctrine://default?prefix[]=a', '"prefix"'])]
    #[TestWith(['doctrine://default?auto_setup=perhaps', '"auto_setup"'])]
    #[TestWith(['doctrine://default?poll_ms=0', '"poll_ms"'])]
    public function testAWrongPartIsNamed(string $dsn, string $named): void
    {
        try {
            DoctrineDsn::parse($dsn);
            self::fail('it should be refused');
        } catch (LogicException $exception) {
            self::assertStringContainsString($named, $exception->getMessage());
            self::assertStringNotContainsString('secret', $exception->getMessage());
        }
    }
}
