<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Middleware;

use Ossa\SymfonyRuntime\Context\OssaContext;
use Ossa\SymfonyRuntime\Context\OssaContextProvider;
use Ossa\SymfonyRuntime\Message\OssaChannelMessage;
use Ossa\SymfonyRuntime\Message\OssaStepMessage;
use Ossa\SymfonyRuntime\Message\OssaUndecodableMessage;
use Ossa\SymfonyRuntime\Message\StartMessage;
use Ossa\SymfonyRuntime\Stamp\OssaContextStamp;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Middleware\MiddlewareInterface;
use Symfony\Component\Messenger\Middleware\StackInterface;
use Symfony\Component\Messenger\Stamp\HandlerArgumentsStamp;
use Symfony\Component\Messenger\Stamp\ReceivedStamp;

/**
 * Carries the context of a step along: onto every message the step sends, and from there to whoever handles it.
 *
 * The compiler pass puts it in front of the sending middleware of every bus.
 */
final readonly class OssaContextMiddleware implements MiddlewareInterface
{
    public function __construct(private OssaContextProvider $contexts)
    {
    }

    public function handle(Envelope $envelope, StackInterface $stack): Envelope
    {
        if (null === $envelope->last(ReceivedStamp::class)) {
            return $stack->next()->handle($this->stamped($envelope), $stack);
        }
        $message = $envelope->getMessage();
        // The bundle's handlers need the envelope to tell a message that was retried from the failure transport.
        if ($message instanceof OssaStepMessage || $message instanceof StartMessage || $message instanceof OssaUndecodableMessage || $message instanceof OssaChannelMessage) {
            $envelope = $envelope->with(new HandlerArgumentsStamp([$envelope]));
        }
        $stamp = $envelope->last(OssaContextStamp::class);
        if (null === $stamp) {
            return $stack->next()->handle($envelope, $stack);
        }

        return $this->contexts->within(
            OssaContext::ofStamp($stamp),
            static fn (): Envelope => $stack->next()->handle($envelope, $stack),
        );
    }

    private function stamped(Envelope $envelope): Envelope
    {
        $context = $this->contexts->current();
        if (null === $context || null !== $envelope->last(OssaContextStamp::class)) {
            return $envelope;
        }

        return $envelope->with($context->toStamp());
    }
}
