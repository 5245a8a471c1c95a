<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle;

use Ossa\SymfonyRuntime\Execution\ConversionException;
use Ossa\SymfonyRuntime\Execution\ValueConverter;
use Ossa\Tests\Bundle\Fixture\Customer;
use Ossa\Tests\Bundle\Fixture\Order;
use Ossa\Tests\Bundle\Fixture\Weekday;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\TestCase;

final class ValueConverterTest extends TestCase
{
    /** @return iterable<string, array{\Closure, mixed, mixed}> */
    public static function fitting(): iterable
    {
        yield 'an integer stays one' => [static fn (int $v) => null, 42, 42];
        yield 'digits make an integer' => [static fn (int $v) => null, '-42', -42];
        yield 'a whole float makes an integer' => [static fn (int $v) => null, 42.0, 42];
        yield 'an integer makes a float' => [static fn (float $v) => null, 2, 2.0];
        yield 'a number in text makes a float' => [static fn (float $v) => null, '2.5', 2.5];
        yield 'a number makes text' => [static fn (string $v) => null, 42, '42'];
        yield 'false stays false' => [static fn (bool $v) => null, false, false];
        yield 'the word false makes false' => [static fn (bool $v) => null, 'false', false];
        yield 'one makes true' => [static fn (bool $v) => null, 1, true];
        yield 'null where null is allowed' => [static fn (?int $v) => null, null, null];
        yield 'null for mixed' => [static fn (mixed $v) => null, null, null];
        yield 'an array stays one' => [static fn (array $v) => null, ['a' => 1], ['a' => 1]];
        yield 'the member of a union whose type it has' => [static fn (int|string $v) => null, '42', '42'];
        yield 'the first member of a union that takes it' => [static fn (Weekday|int $v) => null, 'sun', Weekday::Sunday];
        yield 'a backed enum from its value' => [static fn (Weekday $v) => null, 'sat', Weekday::Saturday];
        yield 'a day' => [static fn (\DateTimeImmutable $v) => null, '2026-11-21', new \DateTimeImmutable('2026-11-21')];
        yield 'an instant' => [static fn (\DateTimeInterface $v) => null, '2026-11-21T10:00:00+02:00', new \DateTimeImmutable('2026-11-21T10:00:00+02:00')];
        yield 'seconds since the epoch' => [static fn (\DateTimeImmutable $v) => null, 1763719200, new \DateTimeImmutable('@1763719200')];
        yield 'objects through their constructors, in snake or camel case' => [
            static fn (Order $v) => null,
            ['order_id' => '7', 'customer' => ['name' => 'Ada'], 'deliverOn' => 'sun', 'paid_at' => '2026-11-21'],
            new Order(7, new Customer('Ada'), Weekday::Sunday, new \DateTimeImmutable('2026-11-21')),
        ];
        yield 'defaults of a constructor stand' => [static fn (Order $v) => null, ['orderId' => 7, 'customer' => ['name' => 'Ada']], new Order(7, new Customer('Ada'))];
    }

    #[DataProvider('fitting')]
    public function testAValueThatFitsIsConverted(\Closure $taking, mixed $value, mixed $expected): void
    {
        self::assertEquals($expected, (new ValueConverter())->convert($value, self::typeOf($taking), 'v'));
        self::assertSame(get_debug_type($expected), get_debug_type((new ValueConverter())->convert($value, self::typeOf($taking), 'v')));
    }

    /** @return iterable<string, array{\Closure, mixed, string}> */
    public static function unfitting(): iterable
    {
        yield 'a fraction for an integer' => [static fn (int $v) => null, 4.5, 'int'];
        yield 'more digits than an integer holds' => [static fn (int $v) => null, '99999999999999999999', 'int'];
        yield 'a word for an integer' => [static fn (int $v) => null, 'many', 'int'];
        yield 'null where none is allowed' => [static fn (int $v) => null, null, 'int'];
        yield 'an array for text' => [static fn (string $v) => null, ['a'], 'string'];
        yield 'text for an array' => [static fn (array $v) => null, 'a', 'array'];
        yield 'a word for a truth' => [static fn (bool $v) => null, 'maybe', 'bool'];
        yield 'a value no case has' => [static fn (Weekday $v) => null, 'mon', 'sat, sun'];
        yield 'a date that depends on today' => [static fn (\DateTimeImmutable $v) => null, 'next friday', 'date'];
        yield 'a day that does not exist' => [static fn (\DateTimeImmutable $v) => null, '2026-99-99', 'date'];
        yield 'a class of PHP itself' => [static fn (\SplFileObject $v) => null, ['filename' => '/etc/hostname'], 'SplFileObject'];
        yield 'what a constructor needs is missing' => [static fn (Order $v) => null, ['orderId' => 7], 'customer'];
        yield 'a fault further down names the place' => [static fn (Order $v) => null, ['orderId' => 7, 'customer' => ['name' => []]], 'v.customer.name'];
    }

    #[DataProvider('unfitting')]
    public function testAValueThatDoesNotFitIsRefusedWithItsPlaceAndType(\Closure $taking, mixed $value, string $named): void
    {
        $this->expectException(ConversionException::class);
        $this->expectExceptionMessageMatches('/'.preg_quote($named, '/').'/');

        (new ValueConverter())->convert($value, self::typeOf($taking), 'v');
    }

    public function testTheMessageOfARefusalNeverShowsTheValue(): void
    {
        try {
            (new ValueConverter())->convert('secret-token', self::typeOf(static fn (int $v) => null), 'v');
        } catch (ConversionException $exception) {
            self::assertStringNotContainsString('secret-token', $exception->getMessage());

            return;
        }
        self::fail('text is no integer');
    }

    private static function typeOf(\Closure $taking): ?\ReflectionType
    {
        return (new \ReflectionFunction($taking))->getParameters()[0]->getType();
    }
}
