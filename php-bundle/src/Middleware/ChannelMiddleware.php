<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Middleware;

use Ossa\SymfonyRuntime\Channel\DeliveryInHand;
use Ossa\SymfonyRuntime\Execution\ErrorMapper;
use Psr\Log\LoggerInterface;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Middleware\MiddlewareInterface;
use Symfony\Component\Messenger\Middleware\StackInterface;

/**
 * Tells the engine how a message of a channel ended, after everything else that the bus does with it: a transaction is
 * committed or rolled back by then.
 *
 * The compiler pass puts it in front of all other middleware.
 */
final readonly class ChannelMiddleware implements MiddlewareInterface
{
    public function __construct(private ?LoggerInterface $logger = null)
    {
    }

    public function handle(Envelope $envelope, StackInterface $stack): Envelope
    {
        $inHand = $envelope->last(DeliveryInHand::class);
        if (null === $inHand) {
            return $stack->next()->handle($envelope, $stack);
        }
        try {
            $handled = $stack->next()->handle($envelope, $stack);
        } catch (\Throwable $failure) {
            $this->failed($inHand, ErrorMapper::cause($failure));

            return $envelope;
        }
        $inHand->ack();

        return $handled;
    }

    private function failed(DeliveryInHand $inHand, \Throwable $failure): void
    {
        $outcome = $inHand->fail(ErrorMapper::map($failure));
        $delivery = $inHand->delivery;
        $context = [
            'message' => $delivery->getMessageId(),
            'channel' => $delivery->getChannel(),
            'subscriber' => $delivery->getSubscriber(),
            'attempt' => $delivery->getAttempt(),
            'correlation_id' => $delivery->getCorrelationId(),
            'error' => $failure->getMessage(),
            'exception' => $failure,
        ];
        match ($outcome['outcome'] ?? null) {
            'retry' => $this->logger?->warning('Message {message} of channel {channel} failed for {subscriber} in attempt {attempt} and is tried again: {error}', $context),
            'dead_letter' => $this->logger?->error('Message {message} of channel {channel} failed for {subscriber} in attempt {attempt} and is a dead letter of {dead_letter_channel} now: {error}', $context + ['dead_letter_channel' => $outcome['dead_letter_channel'] ?? '']),
            'handed_over' => $this->logger?->error('Message {message} of channel {channel} failed for {subscriber} in attempt {attempt} and goes to {next} instead: {error}', $context + ['next' => $outcome['subscriber'] ?? '']),
            default => $this->logger?->error('Message {message} of channel {channel} failed for {subscriber} in attempt {attempt} and is dropped: {error}', $context),
        };
    }
}
