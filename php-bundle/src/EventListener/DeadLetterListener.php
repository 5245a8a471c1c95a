<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\EventListener;

use Ossa\SymfonyRuntime\Stamp\DeadLetterStamp;
use Symfony\Component\EventDispatcher\EventSubscriberInterface;
use Symfony\Component\Messenger\Event\WorkerMessageFailedEvent;
use Symfony\Component\Messenger\Stamp\SentToFailureTransportStamp;

/**
 * Marks messages that Messenger is about to drop: neither retried nor taken by a failure transport. An `ossa://`
 * transport then keeps them in its dead-letter queue.
 */
final readonly class DeadLetterListener implements EventSubscriberInterface
{
    /** @param array<string, string> $failureTransports failure transport by transport */
    public function __construct(private array $failureTransports)
    {
    }

    public static function getSubscribedEvents(): array
    {
        // After Messenger's own listeners for retries (100) and the failure transport (-100).
        return [WorkerMessageFailedEvent::class => ['onFailed', -200]];
    }

    public function onFailed(WorkerMessageFailedEvent $event): void
    {
        if ($event->willRetry()) {
            return;
        }
        $receiver = $event->getReceiverName();
        $failureTransport = $this->failureTransports[$receiver] ?? null;
        $comesFromThere = $event->getEnvelope()->last(SentToFailureTransportStamp::class)?->getOriginalReceiverName() === $receiver;
        if (null === $failureTransport || $failureTransport === $receiver || $comesFromThere) {
            $event->addStamps(new DeadLetterStamp());
        }
    }
}
