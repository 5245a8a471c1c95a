<?php

declare(strict_types=1);

namespace Ossa\Tests\Extension;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ArgumentException;
use Ossa\Runtime\KeyValueStore;
use Ossa\Tests\Extension\Support\TemporaryStore;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\Attributes\TestDox;
use PHPUnit\Framework\TestCase;

final class KeyValueStoreTest extends TestCase
{
    use TemporaryStore;

    #[DataProvider('stores')]
    #[TestDox('A value is kept until it is deleted, in $_dataName')]
    public function testAValueIsKeptUntilItIsDeleted(bool $file): void
    {
        $values = $this->values($file);

        self::assertNull($values->get('cart'));
        self::assertSame('none', $values->get('cart', 'none'));
        $values->set('cart', ['items' => [['sku' => 'A1', 'n' => 2]], 'total' => 19.9]);
        self::assertSame(['items' => [['sku' => 'A1', 'n' => 2]], 'total' => 19.9], $values->get('cart', 'none'));
        self::assertTrue($values->delete('cart'));
        self::assertFalse($values->delete('cart'));
        self::assertNull($values->get('cart'));
    }

    #[DataProvider('stores')]
    #[TestDox('A swap succeeds for the version that is there and for no other, in $_dataName')]
    public function testASwapSucceedsForTheVersionThatIsThere(bool $file): void
    {
        $values = $this->values($file);

        $first = $values->compareAndSwap('lock', 0, 'me');
        self::assertIsInt($first);
        self::assertNull($values->compareAndSwap('lock', 0, 'someone else'));
        self::assertSame(['value' => 'me', 'version' => $first], $values->getVersioned('lock'));
        $second = $values->compareAndSwap('lock', $first, 'next', ttlSeconds: 60);
        self::assertGreaterThan($first, $second);
        self::assertNull($values->compareAndSwap('lock', $first, 'late'));
        self::assertSame('next', $values->get('lock'));
    }

    #[DataProvider('stores')]
    #[TestDox('Namespaces do not see each other, in $_dataName')]
    public function testNamespacesDoNotSeeEachOther(bool $file): void
    {
        $engine = $this->engine($file);
        $engine->keyValue('a')->set('x', 1);
        $engine->keyValue('b')->set('y', 2);

        self::assertSame(['x'], $engine->keyValue('a')->keys());
        self::assertNull($engine->keyValue('b')->get('x'));
    }

    #[DataProvider('stores')]
    #[TestDox('Keys are listed in order, by prefix and up to a limit, in $_dataName')]
    public function testKeysAreListedInOrder(bool $file): void
    {
        $values = $this->values($file);
        foreach (['user:2', 'user:1', 'cart:1', 'user%'] as $key) {
            $values->set($key, true);
        }

        self::assertSame(['user:1', 'user:2'], $values->keys('user:'));
        self::assertSame(['user%'], $values->keys('user%'));
        self::assertSame(['cart:1'], $values->keys(limit: 1));
    }

    #[TestDox('A value is found again by another process')]
    public function testAValueIsFoundAgainByAnotherEngine(): void
    {
        $this->values(true)->set('token', ['n' => \PHP_INT_MAX]);

        self::assertSame(['n' => \PHP_INT_MAX], Engine::open($this->dsn())->keyValue('test')->get('token'));
    }

    /** @param \Closure(KeyValueStore): mixed $call */
    #[DataProvider('wrongCalls')]
    #[TestDox('What cannot be kept is refused: $_dataName')]
    public function testWhatCannotBeKeptIsRefused(string $message, \Closure $call): void
    {
        $this->expectException(ArgumentException::class);
        $this->expectExceptionMessage($message);

        $call($this->values(false));
    }

    /** @return iterable<string, array{string, \Closure(KeyValueStore): mixed}> */
    public static function wrongCalls(): iterable
    {
        yield 'a lifetime of nothing' => ['$ttlSeconds must be at least 1', static fn (KeyValueStore $values): int => $values->set('k', 1, 0)];
        yield 'a negative version' => ['$expectedVersion must be 0 or more', static fn (KeyValueStore $values): ?int => $values->compareAndSwap('k', -1, 1)];
        yield 'a value that is not UTF-8' => ['$value[a] is a string that is not UTF-8', static fn (KeyValueStore $values): int => $values->set('k', ['a' => "\xff"])];
        yield 'a key that is not UTF-8' => ['$key is not UTF-8', static fn (KeyValueStore $values): mixed => $values->get("\xff")];
        yield 'an empty key' => ['the key has 0 bytes', static fn (KeyValueStore $values): int => $values->set('', 1)];
        yield 'no keys at all' => ['$limit must be at least 1, not 0', static fn (KeyValueStore $values): array => $values->keys('', 0)];
    }

    /** @return iterable<string, array{bool}> */
    public static function stores(): iterable
    {
        yield 'memory' => [false];
        yield 'a SQLite file' => [true];
    }

    private function values(bool $file): KeyValueStore
    {
        return $this->engine($file)->keyValue('test');
    }

    private function engine(bool $file): Engine
    {
        return Engine::open($file ? $this->dsn() : 'memory:');
    }
}
