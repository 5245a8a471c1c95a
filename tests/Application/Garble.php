<?php

declare(strict_types=1);

namespace Ossa\Tests\Application;

use Ossa\SymfonyRuntime\Message\OssaStepMessage;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Middleware\MiddlewareInterface;
use Symfony\Component\Messenger\Middleware\StackInterface;
use Symfony\Component\Messenger\Stamp\HandledStamp;

/** Replaces what the handler of a step returned by something that cannot be stored. */
final readonly class Garble implements MiddlewareInterface
{
    public function handle(Envelope $envelope, StackInterface $stack): Envelope
    {
        $handled = $stack->next()->handle($envelope, $stack);
        $result = $handled->last(HandledStamp::class);

        return null !== $result && $handled->getMessage() instanceof OssaStepMessage
            ? $handled->withoutAll(HandledStamp::class)->with(new HandledStamp(["\xff" => 1], $result->getHandlerName()))
            : $handled;
    }
}
