<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle;

use Ossa\SymfonyRuntime\Exception\HandlerException;
use Ossa\SymfonyRuntime\Execution\OutputNormalizer;
use Ossa\Tests\Bundle\Fixture\Customer;
use Ossa\Tests\Bundle\Fixture\Order;
use Ossa\Tests\Bundle\Fixture\Weekday;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\TestCase;

final class OutputNormalizerTest extends TestCase
{
    /** @return iterable<string, array{mixed, mixed}> */
    public static function usable(): iterable
    {
        yield 'nothing' => [null, null];
        yield 'a scalar' => [4.5, 4.5];
        yield 'a list' => [[1, 'a', [true]], [1, 'a', [true]]];
        yield 'an object that says itself how' => [new \ArrayObject(), []];
        yield 'an object with public properties' => [new Order(7, new Customer('Ada'), Weekday::Sunday), ['orderId' => 7, 'customer' => ['name' => 'Ada'], 'deliverOn' => 'sun', 'paidAt' => null]];
        yield 'a date' => [new \DateTimeImmutable('2026-11-21T10:00:00Z'), '2026-11-21T10:00:00.000+00:00'];
        yield 'a case of an enum' => [Weekday::Saturday, 'sat'];
        yield 'a map as object' => [(object) ['a' => 1], ['a' => 1]];
    }

    #[DataProvider('usable')]
    public function testWhatAHandlerReturnsBecomesPlainData(mixed $returned, mixed $output): void
    {
        if ($returned instanceof \ArrayObject) {
            $returned = new class implements \JsonSerializable {
                public function jsonSerialize(): mixed
                {
                    return [];
                }
            };
        }
        self::assertSame($output, (new OutputNormalizer())->normalize($returned, 'handler'));
    }

    /** @return iterable<string, array{mixed, string}> */
    public static function unusable(): iterable
    {
        $endless = new \stdClass();
        $endless->self = $endless;

        yield 'a closure' => [static fn (): int => 1, 'Closure'];
        yield 'a generator' => [(static fn (): \Generator => yield 1)(), 'Generator'];
        yield 'an open file, deep down' => [['a' => ['b' => fopen('php://memory', 'r')]], 'output.a.b'];
        yield 'binary text' => ["\xff\xfe", 'UTF-8'];
        yield 'a binary key' => [['a' => ["\xff" => 1]], 'output.a has a key'];
        yield 'no number' => [\NAN, 'finite'];
        yield 'an object that contains itself' => [$endless, 'deeper'];
    }

    #[DataProvider('unusable')]
    public function testWhatCannotBeTheOutputOfAStepIsRefusedWithItsPlace(mixed $returned, string $named): void
    {
        try {
            (new OutputNormalizer())->normalize($returned, 'App\Handler::handle');
        } catch (HandlerException $exception) {
            self::assertSame(HandlerException::INVALID_OUTPUT, $exception->getErrorCode());
            self::assertStringContainsString($named, $exception->getMessage());
            self::assertStringContainsString('App\Handler::handle', $exception->getMessage());

            return;
        }
        self::fail('it was taken');
    }
}
