<?php

declare(strict_types=1);

namespace Ossa\Tests\EndToEnd;

use Ossa\Tests\Application\Handler\Count;
use Ossa\Tests\Application\Handler\CountHandler;
use Ossa\Tests\Application\Handler\Workshop;
use Ossa\Tests\Application\ProcessTestCase;
use Ossa\Tests\Support\TestServer;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\Attributes\TestWith;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Stamp\DelayStamp;
use Symfony\Component\Messenger\Stamp\TransportNamesStamp;
use Symfony\Component\Messenger\Transport\Receiver\MessageCountAwareInterface;

/** `ossa:transport:drain` between Symfony's own transports and ours. */
final class TransportDrainTest extends ProcessTestCase
{
    private const DOCTRINE = 'doctrine://default?queue_name=from&redeliver_timeout=1';
    private const OWN = 'ossa://default?queue=to';

    /** @return iterable<string, array{string, string, bool}> from, to, and whether the latter can tell what it has */
    public static function transports(): iterable
    {
        yield 'Doctrine to ossa' => [self::DOCTRINE, self::OWN, true];
        yield 'Redis to ossa' => ['redis', self::OWN, true];
        yield 'AMQP to ossa' => ['amqp', self::OWN, false];
        yield 'ossa to Doctrine' => [self::OWN.'&lease_seconds=1', self::DOCTRINE, true];
        yield 'ossa to Redis' => [self::OWN.'&lease_seconds=1', 'redis', false];
        yield 'SQLite to ossa' => ['ossa+sqlite:///%env(OSSA_TEST_FOLDER)%/other.db?lease_seconds=1', self::OWN, true];
    }

    #[DataProvider('transports')]
    public function testNothingIsLostWhenItIsKilledAndCalledAgain(string $from, string $to, bool $recognises): void
    {
        $this->bootOn($from, $to);
        $messages = 120;
        $kills = 3;
        for ($number = 0; $number < $messages; ++$number) {
            $this->send('from', new Count($number));
        }

        for ($kill = 1; $kill <= $kills; ++$kill) {
            $drain = $this->process(['ossa:transport:drain', 'from', 'to']);
            $drain->start();
            $this->superviseUntil(fn (): bool => $this->waiting('to') >= $kill * 25);
            $drain->signal(\SIGKILL);
            $drain->wait();
        }
        $this->runConsole(['ossa:transport:drain', 'from', 'to', '--wait=3']);

        self::assertSame(0, $this->waiting('from'));
        $this->startWorkers(1, ['to']);
        $handled = [];
        $this->superviseUntil(function () use (&$handled, $messages): bool {
            $handled = array_count_values(array_column($this->effects()->all(), 0));

            return \count($handled) >= $messages && 0 === $this->waiting('to');
        });
        $this->stopWorkers();
        self::assertLessThanOrEqual($recognises ? 0 : $kills, array_sum($handled) - $messages, 'messages that arrived twice');
    }

    public function testItCountsBeforeAndAfterAndMovesAsManyAsAsked(): void
    {
        $this->bootOn(self::DOCTRINE, self::OWN);
        for ($number = 0; $number < 5; ++$number) {
            $this->send('from', new Count($number));
        }

        self::assertSame("from: 5 messages\nto: 0 messages\n", $this->runConsole(['ossa:transport:drain', 'from', 'to', '--dry-run'])->getOutput());
        $some = $this->runConsole(['ossa:transport:drain', 'from', 'to', '--limit=2']);
        self::assertSame("from: 5 messages\nto: 0 messages\nfrom: 3 messages\nto: 2 messages\n", $some->getOutput());
        self::assertStringContainsString('2 messages moved', $some->getErrorOutput());
        $this->runConsole(['ossa:transport:drain', 'from', 'to']);

        self::assertSame([0, 5], [$this->waiting('from'), $this->waiting('to')]);
    }

    public function testADelayedMessageIsMovedOnceItIsDueAndNotDelayedAgain(): void
    {
        $this->bootOn(self::DOCTRINE, self::OWN);
        $this->send('from', new Count(1), 2000);

        $this->runConsole(['ossa:transport:drain', 'from', 'to', '--wait=4']);

        self::assertSame(1, $this->engine()->transport(['queue' => 'to'])->counts()['ready']);
    }

    public function testBetweenSerializersMessagesAreRecodedAndWhatCannotBeReadStays(): void
    {
        $this->bootOn(self::OWN, self::DOCTRINE, 'messenger.transport.symfony_serializer');
        $this->send('from', new Count(1));
        $this->engine()->transport(['queue' => 'to'])->send('this was never serialized');

        $drain = $this->runConsole(['ossa:transport:drain', 'from', 'to'], 1);

        self::assertStringContainsString('1 messages could not be decoded', $drain->getErrorOutput());
        self::assertSame([1, 1], [$this->waiting('from'), $this->waiting('to')]);
        $this->startWorkers(1, ['to']);
        $this->superviseUntil(fn (): bool => [['1']] === $this->effects()->all());
    }

    public function testMessagesThatNobodyCanReadAreMovedAsTheyAre(): void
    {
        $this->bootOn(self::OWN, 'ossa+sqlite:///%env(OSSA_TEST_FOLDER)%/other.db');
        $this->engine()->transport(['queue' => 'to'])->send("this was \xff never serialized", '{"type":"x"}', priority: 'high');

        $this->runConsole(['ossa:transport:drain', 'from', 'to']);

        $moved = \Ossa\Runtime\Engine::open('sqlite://'.$this->folder().'/other.db')->transport()->all();
        self::assertCount(1, $moved);
        self::assertSame("this was \xff never serialized", $moved[0]->getBody());
        self::assertStringContainsString('"type":"x"', $moved[0]->getHeaders());
        self::assertSame('high', $moved[0]->getPriority());
    }

    public function testStepsOfRunsStay(): void
    {
        $this->bootOn('ossa://default', self::DOCTRINE);
        $run = $this->runtime()->startTask('echo', ['value' => 1])->getId();

        $drain = $this->runConsole(['ossa:transport:drain', 'from', 'to'], 1);

        self::assertStringContainsString('1 steps of runs stay', $drain->getErrorOutput());
        $this->startWorkers(1, ['ossa']);
        $this->superviseUntil(fn (): bool => 'completed' === $this->runOf($run)->getStatus());
    }

    /** @param list<string> $arguments */
    #[TestWith([['elsewhere', 'to'], 'There is no transport "elsewhere"; there are: '])]
    #[TestWith([['from', 'again'], 'one and the same queue'])]
    #[TestWith([['from', 'at-once'], 'keeps no messages'])]
    #[TestWith([['from', 'to', '--wait=long'], '"--wait" must be a number of seconds'])]
    #[TestWith([['from', 'to', '--limit=0'], '"--limit" must be a whole number'])]
    public function testWrongUsageIsRefusedBeforeAnythingIsTouched(array $arguments, string $message): void
    {
        $this->bootOn(self::DOCTRINE, self::OWN);
        $this->send('from', new Count(1));

        $refused = $this->runConsole(['ossa:transport:drain', ...$arguments], 2);

        self::assertStringContainsString($message, $refused->getErrorOutput());
        self::assertSame(1, $this->waiting('from'));
    }

    private function bootOn(string $from, string $to, ?string $serializerOfTo = null): void
    {
        $from = $this->dsn($from);
        $this->boot([], ['transports' => [
            'from' => $from,
            'again' => $from,
            'to' => ['dsn' => $this->dsn($to), 'serializer' => $serializerOfTo],
            'at-once' => 'sync://',
        ]], [CountHandler::class, Workshop::class]);
        $this->console(['command' => 'messenger:setup-transports']);
    }

    private function dsn(string $dsn): string
    {
        if (!\in_array($dsn, ['redis', 'amqp'], true)) {
            return $dsn;
        }
        if (!\extension_loaded($dsn)) {
            self::markTestSkipped(\sprintf('the PHP extension "%s" is not installed', $dsn));
        }
        $name = 'q'.bin2hex(random_bytes(6));

        return 'redis' === $dsn
            ? 'redis://127.0.0.1:'.TestServer::shared('redis')->port.'/'.$name.'?redeliver_timeout=1&claim_interval=50'
            : TestServer::shared('rabbitmq')->dsn.'/'.$name.'?queues['.$name.']=';
    }

    private function send(string $transport, object $message, int $delay = 0): void
    {
        $this->bus()->dispatch(new Envelope($message, [new TransportNamesStamp([$transport]), ...$delay > 0 ? [new DelayStamp($delay)] : []]));
    }

    private function waiting(string $transport): int
    {
        return $this->service(MessageCountAwareInterface::class, 'messenger.transport.'.$transport)->getMessageCount();
    }
}
