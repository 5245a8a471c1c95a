<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Handler;

use Ossa\SymfonyRuntime\Exception\FailedAgainException;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Exception\UnrecoverableMessageHandlingException;
use Symfony\Component\Messenger\Stamp\SentToFailureTransportStamp;

/**
 * The exception that ends the handling of a message for good: it sends the message to the failure transport, and
 * leaves it there when it came from there.
 *
 * @internal
 */
final class FinalFailure
{
    public static function because(string $reason, ?\Throwable $cause, ?Envelope $envelope): \Throwable
    {
        return self::isRetryByHand($envelope)
            ? new FailedAgainException($reason, 0, $cause)
            : new UnrecoverableMessageHandlingException($reason, 0, $cause);
    }

    /** Whether the message comes from the failure transport. */
    public static function isRetryByHand(?Envelope $envelope): bool
    {
        return null !== $envelope?->last(SentToFailureTransportStamp::class);
    }
}
