<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle;

use Ossa\SymfonyRuntime\Message\OssaStepMessage;
use Ossa\SymfonyRuntime\Message\OssaTaskMessage;
use Ossa\SymfonyRuntime\Message\OssaUndecodableMessage;
use Ossa\SymfonyRuntime\Stamp\OssaContextStamp;
use Ossa\SymfonyRuntime\Stamp\PriorityStamp;
use Ossa\SymfonyRuntime\Transport\ListableOssaTransport;
use Ossa\SymfonyRuntime\Transport\OssaTransport;
use Ossa\Tests\Application\ApplicationTestCase;
use Ossa\Tests\Application\Handler\Workshop;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\Attributes\TestWith;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Exception\TransportException;
use Symfony\Component\Messenger\Stamp\BusNameStamp;
use Symfony\Component\Messenger\Stamp\DelayStamp;
use Symfony\Component\Messenger\Stamp\RedeliveryStamp;
use Symfony\Component\Messenger\Stamp\StampInterface;
use Symfony\Component\Messenger\Stamp\TransportMessageIdStamp;
use Symfony\Component\Process\Process;

final class TransportTest extends ApplicationTestCase
{
    protected function setUp(): void
    {
        parent::setUp();
        $this->boot(messenger: ['transports' => [
            'php' => 'ossa://default?queue=php',
            'symfony' => ['dsn' => 'ossa://default?queue=symfony', 'serializer' => 'messenger.transport.symfony_serializer'],
            'dead' => 'ossa://default?queue=php.dead',
        ]], services: [Workshop::class]);
    }

    /** @return iterable<string, array{string}> */
    public static function serializers(): iterable
    {
        yield 'PHP serializer' => ['php'];
        yield 'Symfony serializer' => ['symfony'];
    }

    #[DataProvider('serializers')]
    public function testAMessageArrivesWithItsStampsAndIsGoneOnceAcknowledged(string $name): void
    {
        $transport = $this->ossa($name);
        $sent = $transport->send(self::task('a', new BusNameStamp('messenger.bus.default'), new RedeliveryStamp(2)));

        $received = self::receive($transport);

        self::assertEquals(self::task('a')->getMessage(), $received->getMessage());
        self::assertSame('messenger.bus.default', $received->last(BusNameStamp::class)?->getBusName());
        self::assertSame(2, $received->last(RedeliveryStamp::class)?->getRetryCount());
        self::assertNotNull($sent->last(TransportMessageIdStamp::class));
        self::assertSame($sent->last(TransportMessageIdStamp::class)->getId(), $received->last(TransportMessageIdStamp::class)?->getId());

        $transport->ack($received);
        $transport->close();
        self::assertSame([], [...$transport->get()]);
        self::assertSame(0, $transport->getMessageCount());
    }

    public function testTheLastDelayCountsAndANegativeOneIsNone(): void
    {
        $transport = $this->ossa('php');
        $transport->send(self::task('later', new DelayStamp(0), new DelayStamp(3_600_000)));
        $transport->send(self::task('now', new DelayStamp(3_600_000), new DelayStamp(-5)));

        self::assertSame(['now'], self::drain($transport));
        self::assertSame(1, $transport->getMessageCount(), 'the delayed one waits');
    }

    public function testUrgentMessagesOvertakeOthers(): void
    {
        $transport = $this->ossa('php');
        foreach (['low', 'normal', 'critical', 'high'] as $priority) {
            $transport->send(self::task($priority, new PriorityStamp($priority)));
        }
        $transport->send(self::task('unmarked'));

        self::assertSame(['critical', 'high', 'normal', 'unmarked', 'low'], self::drain($transport));
    }

    public function testMessagesCanBeListedAndFoundWithoutTakingThem(): void
    {
        $transport = $this->ossa('php');
        $transport->send(self::task('a'));
        $id = $transport->send(self::task('b'))->last(TransportMessageIdStamp::class)?->getId();

        $all = [...$transport->all()];
        self::assertSame(['a', 'b'], array_map(self::nameOf(...), $all));
        self::assertCount(1, [...$transport->all(1)]);
        $found = $transport->find($id);
        self::assertNotNull($found);
        self::assertSame('b', self::nameOf($found));
        self::assertSame($id, $found->last(TransportMessageIdStamp::class)?->getId());
        self::assertNull($transport->find('no-such-id'));
        self::assertSame(2, $transport->getMessageCount());
    }

    public function testAMessageFoundByItsIdCanBeRemoved(): void
    {
        $transport = $this->ossa('php');
        $transport->send(self::task('a'));
        $id = $transport->send(self::task('b'))->last(TransportMessageIdStamp::class)?->getId();
        $found = $transport->find($id);
        self::assertNotNull($found);

        $transport->reject($found);

        self::assertSame(['a'], self::drain($transport));
    }

    public function testAWorkerMayAskForOtherQueuesOfTheStore(): void
    {
        $this->ossa('symfony')->send(self::task('elsewhere'));

        $received = [...$this->ossa('symfony')->getFromQueues(['php', 'symfony'])];

        self::assertSame(['elsewhere'], array_map(self::nameOf(...), $received));
        $this->ossa('symfony')->ack($received[0]);
    }

    public function testAsManyMessagesAsAskedForAreYieldedOneByOne(): void
    {
        $transport = $this->ossa('php');
        foreach (['a', 'b', 'c'] as $name) {
            $transport->send(self::task($name));
        }

        $received = [...$transport->get(2)];

        self::assertSame(['a', 'b'], array_map(self::nameOf(...), $received));
    }

    public function testWhatTheWorkerDidNotTakeIsThereForTheNext(): void
    {
        $transport = $this->ossa('php');
        foreach (['a', 'b', 'c'] as $name) {
            $transport->send(self::task($name));
        }
        foreach ($transport->get(3) as $envelope) {
            $transport->ack($envelope);
            break;
        }
        $transport->close();

        self::assertSame(['b', 'c'], self::drain($transport));
    }

    public function testARejectedMessageIsGone(): void
    {
        $transport = $this->ossa('php');
        $transport->send(self::task('a'));

        $transport->reject(self::receive($transport));
        $transport->close();

        self::assertSame([], self::drain($transport));
        self::assertSame(0, $this->ossa('dead')->getMessageCount());
    }

    public function testAcknowledgingTwiceIsAnError(): void
    {
        $transport = $this->ossa('php');
        $transport->send(self::task('a'));
        $received = self::receive($transport);
        $transport->ack($received);

        $this->expectException(TransportException::class);
        $transport->ack($received);
    }

    public function testAMessageThatCannotBeDecodedIsDeliveredAsAFailureOfItsOwn(): void
    {
        $this->engine()->transport(['queue' => 'symfony'])->send('{"a":', '{"type":"App\\\\NoSuchClass"}');

        $message = self::receive($this->ossa('symfony'))->getMessage();

        if (class_exists(\Symfony\Component\Messenger\Middleware\DecodeFailedMessageMiddleware::class)) {
            self::assertInstanceOf(\Symfony\Component\Messenger\Exception\MessageDecodingFailedException::class, $message);

            return;
        }
        self::assertInstanceOf(OssaUndecodableMessage::class, $message);
        self::assertSame('symfony', $message->getTransport());
        self::assertSame('{"a":', base64_decode($message->getBody(), true));
        self::assertNotSame('', $message->getReason());
    }

    /** @return iterable<string, array{string, array<string, string>}> */
    public static function exploding(): iterable
    {
        yield 'a constructor that throws' => ['{"priority":"none"}', ['type' => PriorityStamp::class]];
        yield 'a stamp that is refused' => ['{"manifest":"a"}', ['type' => OssaTaskMessage::class, 'X-Message-Stamp-'.PriorityStamp::class => '[{"priority":"none"}]']];
    }

    /** @param array<string, string> $headers */
    #[DataProvider('exploding')]
    public function testWhateverDecodingThrowsTheWorkerLives(string $body, array $headers): void
    {
        $this->engine()->transport(['queue' => 'symfony'])->send($body, json_encode($headers, \JSON_THROW_ON_ERROR));

        $message = self::receive($this->ossa('symfony'))->getMessage();

        $reason = $message instanceof OssaUndecodableMessage ? $message->getReason() : ($message instanceof \Throwable ? $message->getMessage() : '');
        self::assertStringContainsString('"none" is no priority', $reason);
    }

    public function testTheReasonOfAFailedDecodingIsText(): void
    {
        $this->engine()->transport(['queue' => 'php'])->send("\xff\xfe");

        $message = self::receive($this->ossa('php'))->getMessage();

        $reason = $message instanceof OssaUndecodableMessage ? $message->getReason() : ($message instanceof \Throwable ? $message->getMessage() : '');
        self::assertTrue(mb_check_encoding($reason, 'UTF-8'));
        self::assertNotSame('', $reason);
    }

    public function testBytesThatAreNoTextSurvive(): void
    {
        $transport = $this->ossa('php');
        $transport->send(self::task("\x00\xff\xfe"));

        self::assertSame(["\x00\xff\xfe"], self::drain($transport));
    }

    public function testAStepArrivesAsAMessageWithItsContext(): void
    {
        $run = $this->runtime()->startTask('echo', ['value' => 1], ['correlation_id' => 'case-7'])->getId();

        $received = self::receive($this->ossa('ossa'));

        $message = $received->getMessage();
        self::assertInstanceOf(OssaStepMessage::class, $message);
        self::assertSame([$run, 'echo', 1], [$message->getRunId(), $message->getWorkflow(), $message->getAttempt()]);
        self::assertSame('case-7', $received->last(OssaContextStamp::class)?->correlationId);
        self::assertNotNull($received->last(TransportMessageIdStamp::class));
    }

    public function testARejectedStepWithoutAResultCountsAsAFailedAttempt(): void
    {
        $this->manifest('twice', <<<'YAML'
            apiVersion: ossa/v0.3.0
            kind: Workflow
            metadata: {name: twice}
            spec:
              steps:
                - {id: only, kind: Task, ref: echo, retry: {max_attempts: 2, backoff_strategy: fixed, initial_delay_ms: 10}}
            YAML);
        $run = $this->runtime()->startWorkflow('twice')->getId();
        $transport = $this->ossa('ossa');

        $transport->reject(self::receive($transport));
        self::assertSame('REJECTED', $this->step($run, 'only')['error']['code'] ?? null);
        do {
            $received = [...$transport->get()];
        } while ([] === $received);
        $transport->reject($received[0]);

        self::assertSame('failed', $this->runOf($run)->getStatus());
        self::assertSame(2, $this->step($run, 'only')['attempts']);
    }

    public function testAMessageWhoseWorkersDiedAgainAndAgainIsKeptAsADeadLetter(): void
    {
        $transport = $this->ossa('php');
        $transport->send(self::task('deadly'));
        $transport->close();
        $worker = <<<'PHP'
            $queue = Ossa\Runtime\Engine::open($argv[1])->transport(['queue' => 'php', 'lease_seconds' => 1]);
            for ($end = time() + 10; [] === $queue->receive(1, 500) && time() < $end;);
            posix_kill(getmypid(), SIGKILL);
            PHP;
        for ($death = 0; $death < 5; ++$death) {
            $process = new Process([\PHP_BINARY, '-r', $worker, '--', 'sqlite://'.$this->folder().'/ossa.db']);
            $process->start();
            while ($process->isRunning()) {
                usleep(10_000);
            }
        }
        $dead = $this->ossa('dead');
        for ($end = time() + 10; 0 === $dead->getMessageCount() && time() < $end; usleep(10_000)) {
            self::assertSame([], [...$transport->get()]);
        }

        self::assertSame(['deadly'], array_map(self::nameOf(...), [...$dead->all()]));
        self::assertSame(0, $transport->getMessageCount());
    }

    public function testSetUpMayBeRepeated(): void
    {
        $this->ossa('php')->setup();
        $this->ossa('php')->setup();

        self::assertSame(0, $this->ossa('php')->getMessageCount());
    }

    #[TestWith(['Symfony\Component\Messenger\Transport\Receiver\KeepaliveReceiverInterface'])]
    #[TestWith(['Symfony\Component\Messenger\Transport\CloseableTransportInterface'])]
    public function testItOffersWhatTheInstalledMessengerKnows(string $interface): void
    {
        self::assertSame(interface_exists($interface), is_a($this->ossa('php'), $interface));
    }

    public function testAMessageCanBeKeptAlive(): void
    {
        $transport = $this->ossa('php');
        $transport->send(self::task('a'));
        $received = self::receive($transport);
        $transport->keepalive($received, 5);
        $transport->ack($received);

        $this->expectException(TransportException::class);
        $transport->keepalive($received, 5);
    }

    private function ossa(string $name): ListableOssaTransport
    {
        return $this->service(ListableOssaTransport::class, 'messenger.transport.'.$name);
    }

    private static function task(string $name, StampInterface ...$stamps): Envelope
    {
        return new Envelope(new OssaTaskMessage($name, idempotencyKey: 'key of '.base64_encode($name)), $stamps);
    }

    private static function nameOf(Envelope $envelope): string
    {
        $message = $envelope->getMessage();
        self::assertInstanceOf(OssaTaskMessage::class, $message);

        return $message->getManifest();
    }

    private static function receive(OssaTransport $transport): Envelope
    {
        $received = [...$transport->get()];
        self::assertCount(1, $received);

        return $received[0];
    }

    /** @return list<string> */
    private static function drain(OssaTransport $transport): array
    {
        $names = [];
        while ([] !== $received = [...$transport->get()]) {
            $names[] = self::nameOf($received[0]);
            $transport->ack($received[0]);
        }

        return $names;
    }
}
