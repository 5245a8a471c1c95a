<?php

declare(strict_types=1);

namespace Ossa\Tests\Transport;

use Composer\Autoload\ClassLoader;
use Ossa\SymfonyRuntime\Message\OssaUndecodableMessage;
use Ossa\Tests\Support\Transports;
use Ossa\Tests\Transport\Fixture\Illegible;
use Ossa\Tests\Transport\Fixture\Letter;
use PHPUnit\Framework\AssertionFailedError;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\TestCase;
use Symfony\Component\Filesystem\Filesystem;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Exception\MessageDecodingFailedException;
use Symfony\Component\Messenger\Stamp\BusNameStamp;
use Symfony\Component\Messenger\Stamp\DelayStamp;
use Symfony\Component\Messenger\Stamp\RedeliveryStamp;
use Symfony\Component\Messenger\Stamp\StampInterface;
use Symfony\Component\Messenger\Stamp\TransportMessageIdStamp;
use Symfony\Component\Messenger\Transport\Receiver\ListableReceiverInterface;
use Symfony\Component\Messenger\Transport\Receiver\MessageCountAwareInterface;
use Symfony\Component\Messenger\Transport\Receiver\QueueReceiverInterface;
use Symfony\Component\Messenger\Transport\Serialization\PhpSerializer;
use Symfony\Component\Messenger\Transport\Serialization\Serializer;
use Symfony\Component\Messenger\Transport\Serialization\SerializerInterface;
use Symfony\Component\Messenger\Transport\SetupableTransportInterface;
use Symfony\Component\Messenger\Transport\TransportInterface;
use Symfony\Component\Process\Process;

/**
 * What a worker and its commands may count on, whatever the transport. It runs against Symfony's own transports as well,
 * so that it asks for nothing that Messenger's users do not have; where one of them behaves otherwise its class says so.
 *
 * Each test has a queue of its own. Each opened transport is a connection of its own, as another process would have.
 */
abstract class TransportContractTestCase extends TestCase
{
    protected const OTHER = '-other';
    /** How exactly delays are kept. */
    protected const RESOLUTION_MS = 1;

    private const PATIENCE_SECONDS = 10;

    private string $folder;
    private string $queue;
    /** @var list<TransportInterface> */
    private array $opened = [];
    /** @var list<Process> */
    private array $receivers = [];

    /**
     * What {@see Transports::open()} wants for a queue. The messages of a receiver that died must come back after a second.
     *
     * @param string $receiver a name that no other receiver has
     *
     * @return array{string, array<string, mixed>} DSN and options
     */
    abstract protected function address(string $queue, string $receiver): array;

    /**
     * Tests of what the transport is known to do otherwise. They must fail: one that passes has no place here.
     *
     * @return list<string>
     */
    protected static function differences(): array
    {
        return [];
    }

    protected function setUp(): void
    {
        $this->folder = sys_get_temp_dir().'/ossa-test-'.bin2hex(random_bytes(6));
        mkdir($this->folder);
        $this->queue = 'q'.bin2hex(random_bytes(6));
        if (\in_array($this->name(), static::differences(), true)) {
            $this->expectException(AssertionFailedError::class);
        }
    }

    protected function tearDown(): void
    {
        foreach ($this->receivers as $receiver) {
            $receiver->stop(0);
        }
        foreach ($this->opened as $transport) {
            if (method_exists($transport, 'close')) {
                $transport->close();
            }
        }
        $this->opened = [];
        (new Filesystem())->remove($this->folder);
    }

    protected function folder(): string
    {
        return $this->folder;
    }

    /** @return iterable<string, array{SerializerInterface}> */
    public static function serializers(): iterable
    {
        yield 'PHP serializer' => [new PhpSerializer()];
        yield 'Symfony serializer' => [new Serializer()];
    }

    #[DataProvider('serializers')]
    public function testAMessageArrivesWithItsStampsAndIsGoneOnceAcknowledged(SerializerInterface $serializer): void
    {
        $sender = $this->open($serializer);
        self::assertSame([], [...$sender->get()]);
        $sender->send(self::letter('hello', new BusNameStamp('some.bus'), new RedeliveryStamp(2)));

        $receiver = $this->open($serializer);
        $received = $this->take($receiver);

        self::assertEquals(new Letter('hello'), $received->getMessage());
        self::assertSame('some.bus', $received->last(BusNameStamp::class)?->getBusName());
        self::assertSame(2, $received->last(RedeliveryStamp::class)?->getRetryCount());
        $receiver->ack($received);
        $this->assertNothingIsLeft($receiver);
        $this->assertNothingIsLeft($this->open($serializer));
    }

    public function testTheIdOfASentMessageIsTheOneItArrivesWith(): void
    {
        $transport = $this->open();
        $sent = $transport->send(self::letter('hello'))->last(TransportMessageIdStamp::class);

        $received = $this->take($transport)->last(TransportMessageIdStamp::class);

        self::assertNotNull($sent);
        self::assertSame((string) $sent->getId(), (string) $received?->getId());
    }

    public function testMessagesArriveInTheOrderInWhichTheyWereSent(): void
    {
        $transport = $this->open();
        $texts = array_map(static fn (int $number): string => "number $number", range(1, 20));
        foreach ($texts as $text) {
            $transport->send(self::letter($text));
        }

        self::assertSame($texts, $this->takeAll($this->open(), 20));
    }

    public function testBytesThatAreNoTextSurvive(): void
    {
        $bytes = implode('', array_map(\chr(...), range(0, 255)));
        $transport = $this->open();
        $transport->send(self::letter($bytes));

        self::assertSame([$bytes], $this->takeAll($transport, 1));
    }

    public function testALargeMessageSurvives(): void
    {
        $text = str_repeat('All work and no play. ', 50_000);
        $transport = $this->open();
        $transport->send(self::letter($text));

        self::assertSame([$text], $this->takeAll($transport, 1));
    }

    public function testADelayedMessageArrivesOnceItsTimeHasCome(): void
    {
        $transport = $this->open();
        $sent = hrtime(true);
        $delay = 300 + static::RESOLUTION_MS;
        $transport->send(self::letter('later', new DelayStamp($delay)));

        $received = $this->take($transport);

        self::assertSame('later', self::text($received));
        self::assertGreaterThanOrEqual(($delay - static::RESOLUTION_MS) * 1_000_000, hrtime(true) - $sent);
        $transport->ack($received);
        $this->assertNothingIsLeft($transport);
    }

    public function testOfDelayedMessagesTheSoonestDueArrivesFirst(): void
    {
        $transport = $this->open();
        $transport->send(self::letter('second', new DelayStamp(600 + 2 * static::RESOLUTION_MS)));
        $transport->send(self::letter('first', new DelayStamp(200)));

        self::assertSame(['first', 'second'], $this->takeAll($transport, 2));
    }

    public function testAMessageThatIsDelayedHoldsUpNoOther(): void
    {
        $transport = $this->open();
        $transport->send(self::letter('later', new DelayStamp(3_600_000)));
        $transport->send(self::letter('now'));

        self::assertSame(['now'], $this->takeAll($transport, 1));
    }

    public function testTheLastDelayCounts(): void
    {
        $transport = $this->open();
        $transport->send(self::letter('now', new DelayStamp(3_600_000), new DelayStamp(0)));

        self::assertSame(['now'], $this->takeAll($transport, 1));
    }

    public function testANegativeDelayIsNone(): void
    {
        $transport = $this->open();
        $transport->send(self::letter('now', new DelayStamp(-5000)));

        self::assertSame(['now'], $this->takeAll($transport, 1));
    }

    public function testARejectedMessageIsGone(): void
    {
        $transport = $this->open();
        $transport->send(self::letter('bad'));
        $transport->send(self::letter('good'));

        $transport->reject($this->take($transport));

        self::assertSame(['good'], $this->takeAll($transport, 1));
        $this->assertNothingIsLeft($this->open());
    }

    public function testARetryIsSentBeforeTheFailedMessageIsRejectedAndArrivesOnce(): void
    {
        $transport = $this->open();
        $transport->send(self::letter('again'));
        $failed = $this->take($transport);

        $transport->send($failed->with(new DelayStamp(100), new RedeliveryStamp(1)));
        $transport->reject($failed);

        $retried = $this->take($transport);
        self::assertSame('again', self::text($retried));
        self::assertSame(1, $retried->last(RedeliveryStamp::class)?->getRetryCount());
        $transport->ack($retried);
        $this->assertNothingIsLeft($transport);
    }

    public function testEachMessageIsHandedToOneReceiverOnly(): void
    {
        $sender = $this->open();
        for ($number = 0; $number < 50; ++$number) {
            $sender->send(self::letter((string) $number));
        }
        $receivers = [$this->open(), $this->open(), $this->open()];
        $taken = [];
        $this->eventually(static function () use ($receivers, &$taken): bool {
            foreach ($receivers as $receiver) {
                foreach ($receiver->get() as $envelope) {
                    $taken[] = self::text($envelope);
                    $receiver->ack($envelope);
                }
            }

            return \count($taken) >= 50;
        }, 'all of them arrive');

        sort($taken, \SORT_NUMERIC);
        self::assertSame(array_map(strval(...), range(0, 49)), $taken);
        $this->assertNothingIsLeft($sender);
    }

    public function testWhatADeadReceiverHeldComesBack(): void
    {
        $transport = $this->open();
        $transport->send(self::letter('mine'));
        $dead = $this->receiverProcess();
        $this->eventually(static fn (): bool => "mine\n" === $dead->getOutput(), 'the other process has it');

        $dead->signal(\SIGKILL);

        $received = $this->take($transport);
        self::assertSame('mine', self::text($received));
        $transport->ack($received);
        $this->assertNothingIsLeft($transport);
    }

    public function testADeadReceiverBehindALivingOneIsNotOverlooked(): void
    {
        $sender = $this->open();
        $living = $this->open();
        $sender->send(self::letter('held by the living'));
        $held = $this->take($living);
        $sender->send(self::letter('held by the dead'));
        $dead = $this->receiverProcess();
        $this->eventually(static fn (): bool => "held by the dead\n" === $dead->getOutput(), 'the other process has it');
        $dead->signal(\SIGKILL);

        $heir = $this->open();
        $inherited = null;
        $this->eventually(function () use ($living, $held, $heir, &$inherited): bool {
            $this->keepAlive($living, $held);
            foreach ($heir->get() as $envelope) {
                $inherited = self::text($envelope);
            }

            return null !== $inherited;
        }, 'the message comes back');

        self::assertSame('held by the dead', $inherited);
    }

    public function testAMessageThatIsKeptAliveStaysWithItsReceiver(): void
    {
        $receiver = $this->open();
        $receiver->send(self::letter('slow'));
        $held = $this->take($receiver);
        $other = $this->open();

        for ($until = hrtime(true) + 2_500_000_000; hrtime(true) < $until; usleep(100_000)) {
            $this->keepAlive($receiver, $held);
            self::assertSame([], array_map(self::text(...), [...$other->get()]));
        }

        $receiver->ack($held);
        $this->assertNothingIsLeft($receiver);
    }

    public function testAMessageThatCannotBeDecodedNeitherBlocksTheQueueNorComesBackForEver(): void
    {
        $this->open(new Illegible())->send(self::letter('lost'));
        $transport = $this->open(new Serializer());
        $transport->send(self::letter('after it'));

        $failure = null;
        $this->eventually(static function () use ($transport, &$failure): bool {
            try {
                foreach ($transport->get() as $envelope) {
                    $failure = $envelope->getMessage();
                    $transport->ack($envelope);
                }
            } catch (MessageDecodingFailedException $failure) {
                // Up to Symfony 8.0 the message is then gone; from 8.1 on, and with ours, it is delivered as a failure.
            }

            return null !== $failure;
        }, 'the failure is told');

        self::assertTrue($failure instanceof MessageDecodingFailedException || $failure instanceof OssaUndecodableMessage);
        self::assertSame(['after it'], $this->takeAll($transport, 1));
        $this->assertNothingIsLeft($transport);
    }

    public function testMessagesThatWaitAreCounted(): void
    {
        $transport = $this->open();
        $this->assertCountBecomes(0, $transport);
        foreach (['a', 'b', 'c'] as $text) {
            $transport->send(self::letter($text));
        }
        $this->assertCountBecomes(3, $transport);
        $transport->ack($this->take($transport));

        $this->assertCountBecomes(2, $this->open());
    }

    public function testWhatAReceiverHoldsIsNotCounted(): void
    {
        $transport = $this->open();
        $transport->send(self::letter('held'));
        $transport->send(self::letter('waits'));
        $this->take($transport);

        $this->assertCountBecomes(1, $this->open());
    }

    public function testMessagesCanBeListedAndFoundWithoutTakingThem(): void
    {
        $transport = $this->open();
        self::assertInstanceOf(ListableReceiverInterface::class, $transport);
        $transport->send(self::letter('a'));
        $transport->send(self::letter('b'));
        $all = array_map(self::text(...), $this->listed($transport));
        sort($all);
        self::assertSame(['a', 'b'], $all);
        self::assertCount(1, $this->listed($transport, 1));

        foreach ($this->listed($transport) as $envelope) {
            $found = $transport->find($envelope->last(TransportMessageIdStamp::class)?->getId());
            self::assertNotNull($found);
            self::assertSame(self::text($envelope), self::text($found));
            self::assertEquals($envelope->last(TransportMessageIdStamp::class), $found->last(TransportMessageIdStamp::class));
        }
        self::assertNull($transport->find('404'));
        $this->assertCountBecomes(2, $transport);
    }

    public function testAMessageThatWasFoundCanBeRemoved(): void
    {
        $transport = $this->open();
        self::assertInstanceOf(ListableReceiverInterface::class, $transport);
        $transport->send(self::letter('a'));
        $transport->send(self::letter('b'));
        $unwanted = array_values(array_filter($this->listed($transport), static fn (Envelope $envelope): bool => 'a' === self::text($envelope)));

        $transport->reject($unwanted[0]);

        self::assertSame(['b'], $this->takeAll($transport, 1));
        $this->assertNothingIsLeft($this->open());
    }

    public function testSetUpMayBeRepeatedAndLosesNothing(): void
    {
        $transport = $this->open();
        self::assertInstanceOf(SetupableTransportInterface::class, $transport);
        $transport->setup();
        $transport->send(self::letter('hello'));

        $transport->setup();
        $again = $this->open();
        self::assertInstanceOf(SetupableTransportInterface::class, $again);
        $again->setup();

        self::assertSame(['hello'], $this->takeAll($transport, 1));
    }

    public function testATransportThatWasClosedOpensAgain(): void
    {
        $transport = $this->open();
        $transport->send(self::letter('before'));
        if (method_exists($transport, 'close')) {
            $transport->close();
        }
        $transport->send(self::letter('after'));

        self::assertSame(['before', 'after'], $this->takeAll($transport, 2));
    }

    public function testAWorkerMayAskForOtherQueues(): void
    {
        $transport = $this->open();
        self::assertInstanceOf(QueueReceiverInterface::class, $transport);
        $this->open(queue: $this->queue.self::OTHER)->send(self::letter('elsewhere'));
        $transport->send(self::letter('here'));

        $taken = [];
        $this->eventually(function () use ($transport, &$taken): bool {
            foreach ($transport->getFromQueues([$this->queue.self::OTHER]) as $envelope) {
                $taken[] = self::text($envelope);
                $transport->ack($envelope);
            }

            return [] !== $taken;
        }, 'it arrives');

        self::assertSame(['elsewhere'], $taken);
        self::assertSame(['here'], $this->takeAll($transport, 1));
    }

    protected function open(SerializerInterface $serializer = new PhpSerializer(), ?string $queue = null): TransportInterface
    {
        [$dsn, $options] = $this->address($queue ?? $this->queue, 'r'.\count($this->opened));

        return $this->opened[] = Transports::open($dsn, $options, $serializer);
    }

    protected static function letter(string $text, StampInterface ...$stamps): Envelope
    {
        return new Envelope(new Letter($text), $stamps);
    }

    protected static function text(Envelope $envelope): string
    {
        $letter = $envelope->getMessage();
        self::assertInstanceOf(Letter::class, $letter);

        return $letter->text;
    }

    /** The next message; it stays with the receiver. */
    protected function take(TransportInterface $transport): Envelope
    {
        $received = [];
        $this->eventually(static function () use ($transport, &$received): bool {
            $received = [...$transport->get()];

            return [] !== $received;
        }, 'a message arrives');
        self::assertCount(1, $received);

        return $received[0];
    }

    /** @return list<string> the texts of as many messages, each acknowledged */
    protected function takeAll(TransportInterface $transport, int $count): array
    {
        $texts = [];
        while (\count($texts) < $count) {
            $received = $this->take($transport);
            $texts[] = self::text($received);
            $transport->ack($received);
        }

        return $texts;
    }

    /** A process of its own that takes one message and holds it; its output is the text. */
    protected function receiverProcess(): Process
    {
        [$dsn, $options] = $this->address($this->queue, 'process');
        $process = new Process(
            [\PHP_BINARY, __DIR__.'/Fixture/take.php', $dsn, json_encode($options, \JSON_THROW_ON_ERROR)],
            env: ['OSSA_TEST_AUTOLOAD' => array_key_first(ClassLoader::getRegisteredLoaders()).'/autoload.php'],
        );
        $process->start();

        return $this->receivers[] = $process;
    }

    /** @param \Closure(): bool $condition */
    protected function eventually(\Closure $condition, string $what): void
    {
        for ($deadline = microtime(true) + self::PATIENCE_SECONDS; !$condition(); usleep(5_000)) {
            if (microtime(true) > $deadline) {
                self::fail($what);
            }
        }
    }

    protected function assertNothingIsLeft(TransportInterface $transport): void
    {
        self::assertSame([], array_map(self::text(...), [...$transport->get()]));
        $this->assertCountBecomes(0, $transport);
    }

    /** Brokers count a moment late. */
    protected function assertCountBecomes(int $expected, TransportInterface $transport): void
    {
        self::assertInstanceOf(MessageCountAwareInterface::class, $transport);
        for ($deadline = microtime(true) + self::PATIENCE_SECONDS; $expected !== $transport->getMessageCount() && microtime(true) < $deadline; usleep(20_000)) {
        }
        self::assertSame($expected, $transport->getMessageCount());
    }

    /** As workers do from Symfony 7.2 on, if the transport knows how. */
    private function keepAlive(TransportInterface $transport, Envelope $envelope): void
    {
        $keepalive = [$transport, 'keepalive'];
        if (\is_callable($keepalive)) {
            $keepalive($envelope, 1);
        }
    }

    /** @return list<Envelope> */
    private function listed(ListableReceiverInterface $transport, ?int $limit = null): array
    {
        return array_values([...$transport->all($limit)]);
    }
}
