<?php

declare(strict_types=1);

namespace Ossa\Tests\Extension;

use Ossa\Runtime\Exception\ArgumentException;
use Ossa\Runtime\Expression;
use Ossa\Tests\Extension\Fixture\Currency;
use Ossa\Tests\Extension\Fixture\Money;
use Ossa\Tests\Extension\Fixture\Suit;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\Attributes\TestDox;
use PHPUnit\Framework\TestCase;

/** What becomes of PHP values on their way into the engine and back; an expression that names a value is that way and nothing else. */
final class ConversionTest extends TestCase
{
    #[DataProvider('valuesThatCrossUnchanged')]
    #[TestDox('A value crosses unchanged: $_dataName')]
    public function testAValueCrossesUnchanged(mixed $value): void
    {
        self::assertSame($value, self::cross($value));
    }

    /** @return iterable<string, array{mixed}> */
    public static function valuesThatCrossUnchanged(): iterable
    {
        yield 'null' => [null];
        yield 'booleans' => [[true, false]];
        yield 'the largest integer' => [\PHP_INT_MAX];
        yield 'the smallest integer' => [\PHP_INT_MIN];
        yield 'an integer beyond the exact floats' => [2 ** 53 + 1];
        yield 'a float that is whole' => [1.0];
        yield 'a float that decimal digits do not express' => [0.1 + 0.2];
        yield 'the smallest float' => [\PHP_FLOAT_MIN];
        yield 'the largest float' => [\PHP_FLOAT_MAX];
        yield 'text outside ASCII' => ["Zoë \u{1F600}\n\"quoted\""];
        yield 'text with a NUL byte' => ["a\0b"];
        yield 'an empty text' => [''];
        yield 'a list' => [[1, 'two', [3.5]]];
        yield 'a map in its order' => [['b' => 1, 'a' => 2]];
        yield 'an array with a gap' => [[3 => 'x', 5 => 'y']];
        yield 'keys that look like integers' => [['10' => 'ten', '-3' => 'minus three', '007' => 'text', '9223372036854775808' => 'too big']];
        yield 'a key with a NUL byte' => [["a\0b" => 1]];
        yield 'an empty list' => [[[]]];
        yield 'a hundred levels' => [self::nested(99)];
    }

    #[TestDox('A negative zero keeps its sign')]
    public function testANegativeZeroKeepsItsSign(): void
    {
        self::assertSame('-0', (string) self::cross(-0.0));
    }

    #[DataProvider('objectsWithAMeaning')]
    #[TestDox('An object stands for what it means: $_dataName')]
    public function testAnObjectStandsForWhatItMeans(mixed $expected, mixed $value): void
    {
        self::assertSame($expected, self::cross($value));
    }

    /** @return iterable<string, array{mixed, mixed}> */
    public static function objectsWithAMeaning(): iterable
    {
        yield 'stdClass is its properties' => [['a' => 1, 'b' => ['c' => 2]], (object) ['a' => 1, 'b' => (object) ['c' => 2]]];
        yield 'an empty stdClass is an empty array again' => [[], new \stdClass()];
        yield 'a backed enum is its value' => ['EUR', Currency::Euro];
        yield 'JsonSerializable is what it returns' => [['cents' => 5, 'currency' => 'EUR'], new Money(5)];
        yield 'a date is its RFC 3339 text' => ['2026-11-21T09:30:00.125000+01:00', new \DateTimeImmutable('2026-11-21 09:30:00.125', new \DateTimeZone('Europe/Paris'))];
        yield 'a mutable date, too' => ['1969-12-31T23:59:59.500000+00:00', new \DateTime('1969-12-31T23:59:59.5Z')];
    }

    #[TestDox('References are followed')]
    public function testReferencesAreFollowed(): void
    {
        $shared = ['x' => 1];
        $value = ['a' => &$shared, 'b' => &$shared];
        $shared['x'] = 2;

        self::assertSame(['a' => ['x' => 2], 'b' => ['x' => 2]], self::cross($value));
    }

    #[TestDox('The empty array is an empty list inside a value and an empty object where an object is due')]
    public function testTheEmptyArrayIsAListInsideAValueAndAnObjectWhereOneIsDue(): void
    {
        $type = Expression::parse('input | tojson');

        self::assertSame('{"list":[],"object":{}}', $type->evaluate(['input' => ['list' => [], 'object' => new \stdClass()]]));
        self::assertNull(Expression::parse('input')->evaluate([]));
    }

    #[DataProvider('valuesThatAreRefused')]
    #[TestDox('A value without a meaning is refused with its place: $_dataName')]
    public function testAValueWithoutAMeaningIsRefusedWithItsPlace(string $message, mixed $value): void
    {
        $this->expectException(ArgumentException::class);
        $this->expectExceptionMessage($message);

        self::cross(['order' => ['items' => ['first', $value]]]);
    }

    /** @return iterable<string, array{string, mixed}> */
    public static function valuesThatAreRefused(): iterable
    {
        $place = '$scope[input][order][items][1] ';
        yield 'text that is not UTF-8' => [$place.'is a string that is not UTF-8', "caf\xe9"];
        yield 'a key that is not UTF-8' => [$place.'has a key that is not UTF-8', ["caf\xe9" => 1]];
        yield 'not a number' => [$place.'is NaN', \NAN];
        yield 'infinity' => [$place.'is -inf', -\INF];
        yield 'a resource' => [$place.'is a Resource', \STDIN];
        yield 'a closure' => [$place.'is an object of class Closure', static fn (): int => 1];
        yield 'an enum without values' => [$place.'is an object of class '.Suit::class, Suit::Hearts];
        yield 'an object without a meaning' => [$place.'is an object of class ArrayObject', new \ArrayObject([1])];
        yield 'one level too many' => ['is nested deeper than 100 levels', self::nested(100)];
    }

    #[TestDox('An array that contains itself is refused, not followed for ever')]
    public function testAnArrayThatContainsItselfIsRefused(): void
    {
        $value = ['self' => null];
        $value['self'] = &$value;

        $this->expectException(ArgumentException::class);
        $this->expectExceptionMessage('$scope[input][self][self][self][self][self][self][self]… is nested deeper than 100 levels');

        self::cross($value);
    }

    #[TestDox('An exception of jsonSerialize() reaches the caller as it is')]
    public function testAnExceptionOfJsonSerializeReachesTheCallerAsItIs(): void
    {
        $this->expectException(\DomainException::class);
        $this->expectExceptionMessage('money is never negative');

        self::cross([new Money(-1)]);
    }

    #[TestDox('Ten thousand entries cross in their order')]
    public function testTenThousandEntriesCrossInTheirOrder(): void
    {
        $value = [];
        for ($i = 0; $i < 10_000; ++$i) {
            $value['key '.$i] = ['n' => $i, 'f' => $i / 7];
        }

        self::assertSame($value, self::cross($value));
    }

    private static function cross(mixed $value): mixed
    {
        return Expression::parse('input')->evaluate(['input' => $value]);
    }

    /** @return array<array-key, mixed> */
    private static function nested(int $levels): array
    {
        $value = [];
        for ($i = 1; $i < $levels; ++$i) {
            $value = [$value];
        }

        return $value;
    }
}
