<?php

declare(strict_types=1);

namespace Ossa\Tests\Application;

use Ossa\SymfonyRuntime\Message\OssaStepMessage;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Middleware\MiddlewareInterface;
use Symfony\Component\Messenger\Middleware\StackInterface;

/** Makes the store of runs unreachable for a moment when the first step is sent, so that its sending cannot be confirmed. */
final class LockBeforeSending implements MiddlewareInterface
{
    private bool $done = false;

    public function __construct(private readonly StoreLock $lock)
    {
    }

    public function handle(Envelope $envelope, StackInterface $stack): Envelope
    {
        if (!$this->done && $envelope->getMessage() instanceof OssaStepMessage) {
            $this->done = true;
            $this->lock->hold(10, 'could not be sent');
        }

        return $stack->next()->handle($envelope, $stack);
    }
}
