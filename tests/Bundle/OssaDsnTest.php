<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle;

use Ossa\SymfonyRuntime\Transport\OssaDsn;
use Ossa\SymfonyRuntime\Transport\OssaTransportFactory;
use Ossa\SymfonyRuntime\Transport\WorkerTransports;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\TestCase;
use Symfony\Component\Messenger\Exception\ExceptionInterface;
use Symfony\Component\Messenger\Exception\InvalidArgumentException;
use Symfony\Component\Messenger\Exception\LogicException;
use Symfony\Component\Messenger\Transport\Serialization\PhpSerializer;
use Symfony\Component\Messenger\Transport\TransportInterface;

final class OssaDsnTest extends TestCase
{
    public function testTheQueueHasADefaultAndItsDeadLettersAQueueBesideIt(): void
    {
        $dsn = OssaDsn::parse('ossa://default');

        self::assertSame(['default', 'default.dead', null, null], [$dsn->queue, $dsn->deadLetterQueue, $dsn->prefetch, $dsn->leaseSeconds]);
    }

    public function testOptionsOfTheDsnWinOverThoseOfTheTransport(): void
    {
        $dsn = OssaDsn::parse('ossa://default?queue=mails&prefetch=8&ack_bound=4', ['queue' => 'other', 'lease_seconds' => 60, 'dead_letter_queue' => 'graveyard']);

        self::assertSame(['mails', 'graveyard', 8, 4, 60], [$dsn->queue, $dsn->deadLetterQueue, $dsn->prefetch, $dsn->ackBound, $dsn->leaseSeconds]);
    }

    public function testAStoreOfItsOwnGetsWhatIsNotOfTheTransport(): void
    {
        $dsn = OssaDsn::parse('ossa+redis://app:top-secret@cache:6380/2?queue=mails&timeout=500ms&prefetch=8', ['tls' => true, 'lease_seconds' => 5]);

        self::assertSame('redis://app:top-secret@cache:6380/2?timeout=500ms&tls=1', $dsn->getStore());
        self::assertSame(['mails', 8, 5], [$dsn->queue, $dsn->prefetch, $dsn->leaseSeconds]);
        self::assertSame('sqlite:///srv/app.db', OssaDsn::parse('ossa+sqlite:///srv/app.db')->getStore());
        self::assertNull(OssaDsn::parse('ossa://default')->getStore());
    }

    public function testADumpShowsNoCredentials(): void
    {
        $dsn = OssaDsn::parse('ossa+redis://app:top-secret@cache');

        self::assertStringNotContainsString('top-secret', print_r($dsn, true));
    }

    /** @return iterable<string, array{string, class-string<\Throwable>, string}> */
    public static function wrong(): iterable
    {
        yield 'another host' => ['ossa://elsewhere', InvalidArgumentException::class, 'host'];
        yield 'a path' => ['ossa://default/queue', InvalidArgumentException::class, 'path'];
        yield 'credentials' => ['ossa://u:top-secret@default', InvalidArgumentException::class, 'user'];
        yield 'no number' => ['ossa://default?prefetch=many', InvalidArgumentException::class, 'prefetch'];
        yield 'a number out of range' => ['ossa://default?lease_seconds=0', InvalidArgumentException::class, 'lease_seconds'];
        yield 'no name' => ['ossa://default?queue=a+b', InvalidArgumentException::class, 'queue'];
        yield 'a list for a name' => ['ossa://default?queue[]=a', InvalidArgumentException::class, 'queue'];
        yield 'a slip of the pen' => ['ossa+redis://u:top-secret@cache?lease_second=9', LogicException::class, 'did you mean "lease_seconds"'];
        yield 'a slip of the pen, in the engine\'s store' => ['ossa://default?queu=mails', LogicException::class, 'did you mean "queue"'];
        yield 'another scheme' => ['redis://u:top-secret@cache', InvalidArgumentException::class, 'ossa+redis://'];
        yield 'an unknown option' => ['ossa://default?speed=9', LogicException::class, 'speed'];
    }

    /** @param class-string<\Throwable> $class */
    #[DataProvider('wrong')]
    public function testAWrongPartIsNamedAndTheDsnNotShown(string $dsn, string $class, string $part): void
    {
        try {
            OssaDsn::parse($dsn);
        } catch (ExceptionInterface $exception) {
            self::assertInstanceOf($class, $exception);
            self::assertStringContainsString($part, $exception->getMessage());
            self::assertStringNotContainsString('top-secret', $exception->getMessage());

            return;
        }
        self::fail('it was taken');
    }

    public function testWhatIsWrongWithTheStoreOfATransportIsToldWhenItIsMade(): void
    {
        $factory = new OssaTransportFactory(static fn (): never => throw new \LogicException('nothing is opened'), new WorkerTransports());
        $make = static fn (string $dsn): TransportInterface => $factory->createTransport($dsn, ['transport_name' => 'mails'], new PhpSerializer());
        $make('ossa+redis://app:top-secret@192.0.2.1?mode=strict');
        foreach ([
            'ossa+redis://app:top-secret@cache?mod=strict' => 'option mod',
            'ossa+amqp://app:top-secret@broker:port' => 'port',
            'ossa+postgresql://app:top-secret@db' => 'database',
            'ossa+nowhere://app:top-secret@host' => 'scheme',
        ] as $dsn => $part) {
            try {
                $make($dsn);
                self::fail($dsn);
            } catch (InvalidArgumentException $exception) {
                self::assertStringContainsString('"mails"', $exception->getMessage());
                self::assertStringContainsString($part, $exception->getMessage());
                self::assertStringNotContainsString('top-secret', $exception->getMessage());
            }
        }
    }
}
