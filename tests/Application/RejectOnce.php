<?php

declare(strict_types=1);

namespace Ossa\Tests\Application;

use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Exception\RejectRedeliveredMessageException;
use Symfony\Component\Messenger\Middleware\MiddlewareInterface;
use Symfony\Component\Messenger\Middleware\StackInterface;
use Symfony\Component\Messenger\Stamp\ReceivedStamp;

/** Turns the first message down, as Messenger does with one that AMQP has redelivered. */
final class RejectOnce implements MiddlewareInterface
{
    private bool $rejected = false;

    public function handle(Envelope $envelope, StackInterface $stack): Envelope
    {
        if (!$this->rejected && null !== $envelope->last(ReceivedStamp::class)) {
            $this->rejected = true;

            throw new RejectRedeliveredMessageException('seen before');
        }

        return $stack->next()->handle($envelope, $stack);
    }
}
