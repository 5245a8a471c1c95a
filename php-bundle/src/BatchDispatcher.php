<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime;

use Ossa\SymfonyRuntime\Transport\SendBatch;
use Symfony\Component\Messenger\Exception\ExceptionInterface;
use Symfony\Component\Messenger\MessageBusInterface;
use Symfony\Component\Messenger\Stamp\StampInterface;

/** Dispatches many messages with one durable write, where they go to an ossa transport. */
final readonly class BatchDispatcher
{
    /** @internal */
    public function __construct(
        private MessageBusInterface $bus,
        private SendBatch $batch,
    ) {
    }

    /**
     * Each message passes the bus with its middleware. What goes to ossa transports is sent at the end, all of it or,
     * when one message fails on its way, none; with several such transports that holds for each. Other transports, and
     * messages that are handled at once, do as ever.
     *
     * @param iterable<object>     $messages messages or envelopes
     * @param list<StampInterface> $stamps   for each of them
     *
     * @throws ExceptionInterface
     */
    public function dispatchMany(iterable $messages, array $stamps = []): void
    {
        $this->batch->collect(function () use ($messages, $stamps): void {
            foreach ($messages as $message) {
                $this->bus->dispatch($message, $stamps);
            }
        });
    }
}
