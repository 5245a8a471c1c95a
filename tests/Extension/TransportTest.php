<?php

declare(strict_types=1);

namespace Ossa\Tests\Extension;

use Ossa\Runtime\Delivery;
use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ArgumentException;
use Ossa\Runtime\Exception\TransportException;
use Ossa\Runtime\Transport;
use Ossa\Tests\Extension\Support\TemporaryStore;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\Attributes\TestDox;
use PHPUnit\Framework\TestCase;

/** A queue as Messenger sees one, over a file as in production. */
final class TransportTest extends TestCase
{
    use TemporaryStore;

    #[TestDox('A message arrives byte for byte')]
    public function testAMessageArrivesByteForByte(): void
    {
        $transport = $this->transport();
        $body = implode('', array_map(\chr(...), range(0, 255)));

        $id = $transport->send($body, "X-Header: \xff\0", priority: 'high');
        [$delivery] = $transport->receive();

        self::assertSame(
            [$id, $body, "X-Header: \xff\0", 'high', 'default', null, null],
            [$delivery->getId(), $delivery->getBody(), $delivery->getHeaders(), $delivery->getPriority(), $delivery->getQueue(), $delivery->getToken(), $delivery->getStep()],
        );
    }

    #[TestDox('Many messages are sent at once, all of them or none')]
    public function testManyMessagesAreSentAtOnce(): void
    {
        $transport = $this->transport();

        $ids = $transport->sendMany([['body' => 'b'], ['body' => 'a', 'priority' => 'high', 'headers' => "\xff"], ['body' => 'c', 'delay_ms' => 3_600_000]]);
        $deliveries = $transport->receive(10);

        self::assertSame([$ids[1], $ids[0]], array_map(static fn (Delivery $delivery): string => $delivery->getId(), $deliveries));
        self::assertSame(["\xff", ''], array_map(static fn (Delivery $delivery): string => $delivery->getHeaders(), $deliveries));
        self::assertSame(['ready' => 0, 'delayed' => 1, 'leased' => 2], $transport->counts());
        self::assertSame([], $transport->sendMany([]));
    }

    #[TestDox('Empty and large messages arrive, too')]
    public function testEmptyAndLargeMessagesArrive(): void
    {
        $transport = $this->transport();
        $large = random_bytes(3_000_000);
        $transport->send('');
        $transport->send($large);

        self::assertSame(['', $large], self::bodies($transport->receive(2)));
    }

    #[TestDox('Messages come most urgent first, then in the order in which they were sent')]
    public function testMessagesComeMostUrgentFirst(): void
    {
        $transport = $this->transport();
        foreach (['low' => 'd', 'normal' => 'c', 'critical' => 'a', 'high' => 'b'] as $priority => $body) {
            $transport->send($body, priority: $priority);
        }

        self::assertSame(['a', 'b', 'c', 'd'], self::drain($transport));
    }

    #[TestDox('A delayed message waits, a negative delay counts as none')]
    public function testADelayedMessageWaits(): void
    {
        $transport = $this->transport();
        $transport->send('later', delayMs: 3_600_000);
        $transport->send('now', delayMs: -1);

        self::assertSame(['now'], self::bodies($transport->receive(10)));
        self::assertSame(['ready' => 0, 'delayed' => 1, 'leased' => 1], $transport->counts());
        self::assertSame(1, $transport->count());
    }

    #[TestDox('What is acknowledged is gone once it is flushed')]
    public function testWhatIsAcknowledgedIsGone(): void
    {
        $transport = $this->transport();
        $transport->send('done');
        $transport->ack($transport->receive()[0]->getId());
        $transport->flush();

        self::assertSame(['ready' => 0, 'delayed' => 0, 'leased' => 0], $transport->counts());
        self::assertSame([], $this->open()->transport()->receive());
    }

    #[TestDox('A rejected message goes to the dead letters, with all it had')]
    public function testARejectedMessageGoesToTheDeadLetters(): void
    {
        $transport = $this->open()->transport(['queue' => 'mail', 'dead_letter_queue' => 'mail.dead']);
        $transport->send("bad\xff", 'headers');
        $transport->reject($transport->receive()[0]->getId());
        $transport->flush();

        $dead = $this->open()->transport(['queue' => 'mail.dead'])->all();
        self::assertSame([["bad\xff", 'headers', 'mail.dead']], array_map(static fn (Delivery $delivery): array => [$delivery->getBody(), $delivery->getHeaders(), $delivery->getQueue()], $dead));
        self::assertSame(0, array_sum($transport->counts()));
    }

    #[TestDox('Without dead letters, a rejected message is gone')]
    public function testWithoutDeadLettersARejectedMessageIsGone(): void
    {
        $transport = $this->transport();
        $transport->send('bad');
        $transport->reject($transport->receive()[0]->getId());
        $transport->flush();

        self::assertSame(0, array_sum($transport->counts()));
    }

    #[TestDox('A message that was found by its id can be taken and acknowledged')]
    public function testAMessageThatWasFoundCanBeTaken(): void
    {
        $transport = $this->transport();
        $id = $transport->send('one');
        $transport->send('two');

        self::assertSame('one', $transport->find($id)?->getBody());
        self::assertTrue($transport->take($id));
        $transport->ack($id);
        $transport->flush();
        self::assertNull($transport->find($id));
        self::assertFalse($transport->take($id));
        self::assertSame(['two'], self::bodies($transport->all()));
    }

    #[TestDox('A transport is ready when a message could be received at once')]
    public function testReadiness(): void
    {
        $transport = $this->transport();
        self::assertFalse($transport->isReady());
        $transport->send('later', delayMs: 60_000);
        self::assertFalse($transport->isReady());
        $transport->send('now');
        self::assertTrue($transport->isReady());
        $transport->receive();
        self::assertFalse($transport->isReady());
    }

    #[TestDox('Listing neither takes messages nor leaves out those that are held')]
    public function testListingDoesNotTakeMessages(): void
    {
        $transport = $this->transport();
        foreach (['a', 'b', 'c'] as $body) {
            $transport->send($body);
        }
        $transport->receive();

        self::assertSame(['a', 'b', 'c'], self::bodies($transport->all()));
        self::assertSame(['a', 'b'], self::bodies($transport->all(2)));
        self::assertSame(['b', 'c'], self::bodies($transport->all(2, $transport->all(1)[0]->getId())));
        self::assertNull($transport->find('no such message'));
    }

    #[TestDox('Closing gives back what was prefetched and not handed out')]
    public function testClosingGivesBackWhatWasPrefetched(): void
    {
        $transport = $this->transport();
        for ($i = 0; $i < 50; ++$i) {
            $transport->send((string) $i);
        }
        // Fast consumption makes it prefetch.
        for ($i = 0; $i < 20; ++$i) {
            $transport->ack($transport->receive()[0]->getId());
        }
        $transport->close();

        self::assertSame(['ready' => 30, 'delayed' => 0, 'leased' => 0], $this->open()->transport()->counts());
        self::assertSame(array_map(strval(...), range(20, 49)), self::drain($this->open()->transport()));
    }

    #[TestDox('A closed transport opens again with the next call')]
    public function testAClosedTransportOpensAgain(): void
    {
        $transport = $this->transport();
        $transport->send('a');
        $transport->close();

        self::assertSame(['a'], self::drain($transport));
    }

    #[TestDox('Messages are not handed to two transports')]
    public function testMessagesAreNotHandedToTwoTransports(): void
    {
        $one = $this->transport();
        $two = $this->open()->transport();
        for ($i = 0; $i < 100; ++$i) {
            $one->send((string) $i);
        }
        $bodies = [];
        while ([] !== $got = [...$one->receive(7), ...$two->receive(5)]) {
            array_push($bodies, ...self::bodies($got));
        }
        sort($bodies, \SORT_NUMERIC);

        self::assertSame(array_map(strval(...), range(0, 99)), $bodies);
    }

    #[TestDox('The lease of a message that is held can be prolonged, that of another cannot')]
    public function testTheLeaseOfAMessageThatIsHeldCanBeProlonged(): void
    {
        $transport = $this->transport();
        $id = $transport->send('slow');
        $transport->receive();
        $transport->keepalive($id, 60);
        $transport->keepalive($id);

        $this->expectException(TransportException::class);
        $this->expectExceptionMessage('is not held');
        $this->open()->transport()->keepalive($id, 60);
    }

    #[TestDox('A message that nobody holds cannot be acknowledged')]
    public function testAMessageThatNobodyHoldsCannotBeAcknowledged(): void
    {
        try {
            $this->transport()->ack('42');
            self::fail('there is no such message');
        } catch (TransportException $exception) {
            self::assertSame('OSSA-N011', $exception->getErrorCode());
            self::assertFalse($exception->isRetryable());
            self::assertNotNull($exception->getHelp());
        }
    }

    /** @param array<mixed> $options */
    #[DataProvider('wrongOptions')]
    #[TestDox('A wrong option is refused: $_dataName')]
    public function testAWrongOptionIsRefused(string $message, array $options): void
    {
        $this->expectException(ArgumentException::class);
        $this->expectExceptionMessage($message);

        $this->open()->transport($options);
    }

    /** @return iterable<string, array{string, array<mixed>}> */
    public static function wrongOptions(): iterable
    {
        $of = 'in options of Engine::transport()';
        yield 'an unknown one' => ['"prefetsch" is not known '.$of, ['prefetsch' => 5]];
        yield 'too small a number' => ['"prefetch" '.$of.' must be an integer from 1 to 10000', ['prefetch' => 0]];
        yield 'a number as text' => ['"lease_seconds" '.$of.' must be an integer', ['lease_seconds' => '30']];
        yield 'a queue that is none' => ['is not the name of a queue', ['queue' => 'a b']];
    }

    #[TestDox('A wrong argument is refused: priority, number, identity')]
    public function testAWrongArgumentIsRefused(): void
    {
        $transport = $this->transport();
        foreach ([
            '"soon" is no priority' => static fn (): string => $transport->send('x', priority: 'soon'),
            '"late" is no priority' => static fn (): array => $transport->sendMany([['body' => 'y'], ['body' => 'z', 'priority' => 'late']]),
            '$max must be at least 1, not 0' => static fn (): array => $transport->receive(0),
            '$limit must be at least 1, not -1' => static fn (): array => $transport->all(-1),
            '$id is not UTF-8' => static fn (): ?Delivery => $transport->find("\xff"),
        ] as $message => $call) {
            try {
                $call();
                self::fail($message);
            } catch (ArgumentException $exception) {
                self::assertStringContainsString($message, $exception->getMessage());
            }
        }
        self::assertSame(0, $transport->count(), 'nothing was sent');
    }

    #[TestDox('Setting up creates the store')]
    public function testSettingUpCreatesTheStore(): void
    {
        $transport = $this->transport();
        self::assertSame([], glob($this->folder().'/*'));

        $transport->setup();

        self::assertFileExists($this->folder().'/store.db');
    }

    private function open(): Engine
    {
        return Engine::open($this->dsn());
    }

    private function transport(): Transport
    {
        return $this->open()->transport();
    }

    /** @return list<string> the bodies of all messages, each acknowledged */
    private static function drain(Transport $transport): array
    {
        $bodies = [];
        while ([] !== $deliveries = $transport->receive()) {
            $bodies[] = $deliveries[0]->getBody();
            $transport->ack($deliveries[0]->getId());
        }
        $transport->flush();

        return $bodies;
    }

    /**
     * @param list<Delivery> $deliveries
     *
     * @return list<string>
     */
    private static function bodies(array $deliveries): array
    {
        return array_map(static fn (Delivery $delivery): string => $delivery->getBody(), $deliveries);
    }
}
