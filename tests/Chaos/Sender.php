<?php

declare(strict_types=1);

namespace Ossa\Tests\Chaos;

use Ossa\SymfonyRuntime\BatchDispatcher;
use Symfony\Component\Messenger\MessageBusInterface;

/** The part of the application that sends letters. */
final readonly class Sender
{
    public function __construct(private MessageBusInterface $bus, private BatchDispatcher $batch)
    {
    }

    public function send(Letter $letter): void
    {
        $this->bus->dispatch($letter);
    }

    /** @param list<Letter> $letters all of them, or none */
    public function sendMany(array $letters): void
    {
        $this->batch->dispatchMany($letters);
    }
}
