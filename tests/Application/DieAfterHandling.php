<?php

declare(strict_types=1);

namespace Ossa\Tests\Application;

use Ossa\SymfonyRuntime\Message\OssaStepMessage;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Middleware\MiddlewareInterface;
use Symfony\Component\Messenger\Middleware\StackInterface;
use Symfony\Component\Messenger\Stamp\ReceivedStamp;

/** Kills the first worker that has handled a step, at the worst moment: its effects are committed, its result is not reported. */
final readonly class DieAfterHandling implements MiddlewareInterface
{
    public function __construct(private Effects $effects)
    {
    }

    public function handle(Envelope $envelope, StackInterface $stack): Envelope
    {
        $handled = $stack->next()->handle($envelope, $stack);
        if ($envelope->getMessage() instanceof OssaStepMessage && null !== $envelope->last(ReceivedStamp::class) && 1 === \count($this->effects->all())) {
            $this->effects->write(['', 'died']);
            posix_kill((int) getmypid(), \SIGKILL);
        }

        return $handled;
    }
}
