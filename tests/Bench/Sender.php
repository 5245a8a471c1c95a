<?php

declare(strict_types=1);

namespace Ossa\Tests\Bench;

use Ossa\SymfonyRuntime\Transport\OssaTransport;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Transport\TransportInterface;

/** Sends until there are so many messages or so many seconds are over. */
final class Sender
{
    private const BATCH = 100;

    /** Messages a second of what was done last. */
    public float $rate = 0.0;

    public function __construct(private readonly TransportInterface $transport)
    {
        // Sets up what is made with the first message.
        $transport->send(new Envelope(new BenchMessage(0)));
        foreach ($transport->get() as $envelope) {
            $transport->ack($envelope);
        }
    }

    /**
     * Each message durable before the next.
     *
     * @return int messages sent
     */
    public function sendAwaited(int $messages, float $seconds): int
    {
        return $this->timed($messages, $seconds, 1, fn (int $number) => $this->transport->send(new Envelope(new BenchMessage($number))));
    }

    /**
     * A hundred at a time, as {@see \Ossa\SymfonyRuntime\BatchDispatcher} does it.
     *
     * @return int messages sent; 0 when the transport has no batches
     */
    public function sendMany(int $messages, float $seconds): int
    {
        $transport = $this->transport;
        if (!$transport instanceof OssaTransport) {
            return 0;
        }

        return $this->timed($messages, $seconds, self::BATCH, static fn (int $number) => $transport->sendMany(
            array_map(static fn (int $number): Envelope => new Envelope(new BenchMessage($number)), range($number, $number + self::BATCH - 1)),
        ));
    }

    /**
     * As fast as the transport can.
     *
     * @return int messages sent
     */
    public function fill(int $messages, float $seconds): int
    {
        return $this->transport instanceof OssaTransport ? $this->sendMany($messages, $seconds) : $this->sendAwaited($messages, $seconds);
    }

    /** @param \Closure(int): mixed $send */
    private function timed(int $messages, float $seconds, int $step, \Closure $send): int
    {
        $sent = 0;
        $began = hrtime(true);
        for ($until = $began + $seconds * 1e9; $sent < $messages && hrtime(true) < $until; $sent += $step) {
            $send($sent);
        }
        $this->rate = $sent / ((hrtime(true) - $began) / 1e9);

        return $sent;
    }
}
