<?php

declare(strict_types=1);

namespace Ossa\Tests\Transport;

use Ossa\SymfonyRuntime\Stamp\PriorityStamp;
use Ossa\SymfonyRuntime\Transport\OssaTransport;
use Symfony\Component\Messenger\Exception\TransportException;
use Symfony\Component\Messenger\Stamp\DelayStamp;
use Symfony\Component\Messenger\Transport\Serialization\PhpSerializer;
use Symfony\Component\Messenger\Transport\Serialization\SerializerInterface;

/** What our transports promise beyond {@see TransportContractTestCase}. */
abstract class OssaContractTestCase extends TransportContractTestCase
{
    public function testDelayedMessagesAreCounted(): void
    {
        $transport = $this->open();
        $transport->send(self::letter('later', new DelayStamp(3_600_000)));

        $this->assertCountBecomes(1, $transport);
    }

    public function testAsManyMessagesAsAskedForAreFetched(): void
    {
        $transport = $this->open();
        foreach (['a', 'b', 'c', 'd'] as $text) {
            $transport->send(self::letter($text));
        }
        $taken = [];
        $this->eventually(static function () use ($transport, &$taken): bool {
            foreach ($transport->get(3 - \count($taken)) as $envelope) {
                $taken[] = self::text($envelope);
                $transport->ack($envelope);
            }

            return \count($taken) >= 3;
        }, 'they arrive');

        self::assertSame(['a', 'b', 'c'], $taken);
        self::assertSame(['d'], $this->takeAll($transport, 1));
    }

    public function testUrgentMessagesOvertakeOthers(): void
    {
        $transport = $this->open();
        foreach (['low', 'normal', 'critical', 'high'] as $priority) {
            $transport->send(self::letter($priority, new PriorityStamp($priority)));
        }

        self::assertSame(['critical', 'high', 'normal', 'low'], $this->takeAll($this->open(), 4));
    }

    public function testWhatAReceiverHoldsItHoldsForAsLongAsItLives(): void
    {
        $receiver = $this->open();
        $receiver->send(self::letter('slow'));
        $held = $this->take($receiver);
        $other = $this->open();

        for ($until = hrtime(true) + 2_500_000_000; hrtime(true) < $until; usleep(100_000)) {
            self::assertSame([], array_map(self::text(...), [...$other->get()]));
        }

        $receiver->ack($held);
        $this->assertNothingIsLeft($receiver);
    }

    public function testWhatWasNotTakenIsThereForOthersOnceTheTransportIsClosed(): void
    {
        $receiver = $this->open();
        foreach (['a', 'b', 'c'] as $text) {
            $receiver->send(self::letter($text));
        }
        $receiver->ack($this->take($receiver));
        $receiver->close();

        self::assertSame(['b', 'c'], $this->takeAll($this->open(), 2));
    }

    public function testAcknowledgingTwiceIsAnError(): void
    {
        $transport = $this->open();
        $transport->send(self::letter('hello'));
        $received = $this->take($transport);
        $transport->ack($received);

        $this->expectException(TransportException::class);
        $transport->ack($received);
    }

    protected function open(SerializerInterface $serializer = new PhpSerializer(), ?string $queue = null): OssaTransport
    {
        $transport = parent::open($serializer, $queue);
        self::assertInstanceOf(OssaTransport::class, $transport);

        return $transport;
    }
}
