<?php

declare(strict_types=1);

namespace Ossa\Tests\Application;

use Ossa\SymfonyRuntime\Message\OssaStepMessage;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Middleware\MiddlewareInterface;
use Symfony\Component\Messenger\Middleware\StackInterface;
use Symfony\Component\Messenger\Stamp\ReceivedStamp;

/** Lets no step through to its handler. */
final readonly class Swallow implements MiddlewareInterface
{
    public function handle(Envelope $envelope, StackInterface $stack): Envelope
    {
        return $envelope->getMessage() instanceof OssaStepMessage && null !== $envelope->last(ReceivedStamp::class)
            ? $envelope
            : $stack->next()->handle($envelope, $stack);
    }
}
