<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Middleware;

use Ossa\SymfonyRuntime\Execution\StepAttempt;
use Ossa\SymfonyRuntime\Message\OssaStepMessage;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Middleware\MiddlewareInterface;
use Symfony\Component\Messenger\Middleware\StackInterface;
use Symfony\Component\Messenger\Stamp\ReceivedStamp;

/**
 * Claims a step before, and reports its result after, everything else that the bus does with its message.
 *
 * The compiler pass puts it in front of all other middleware. A transaction is thus committed or rolled back, and what
 * waited for the end of the current bus is dispatched, before the engine is told how the attempt ended: a result that is
 * recorded is never one that was taken back.
 */
final readonly class StepMiddleware implements MiddlewareInterface
{
    /** @param \Closure(): StepAttempt $attempt made late: most messages of a bus are not steps and need no engine */
    public function __construct(private \Closure $attempt)
    {
    }

    public function handle(Envelope $envelope, StackInterface $stack): Envelope
    {
        $message = $envelope->getMessage();
        if (!$message instanceof OssaStepMessage || null === $envelope->last(ReceivedStamp::class)) {
            return $stack->next()->handle($envelope, $stack);
        }

        return ($this->attempt)()->run($message, $envelope, static fn (Envelope $claimed): Envelope => $stack->next()->handle($claimed, $stack));
    }
}
