<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Drain;

use Ossa\SymfonyRuntime\Stamp\PriorityStamp;
use Ossa\SymfonyRuntime\Transport\OssaTransport;
use Ossa\SymfonyRuntime\Transport\ReceivedFromQueueStamp;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Exception\ExceptionInterface as MessengerException;
use Symfony\Component\Messenger\Stamp\DelayStamp;
use Symfony\Component\Messenger\Transport\Serialization\SerializerInterface;
use Symfony\Component\Messenger\Transport\TransportInterface;

/**
 * Moves messages from one transport to another, one by one: sent and confirmed, then acknowledged. Killed at any moment,
 * it leaves each message in one of the two, or the one in flight in both.
 *
 * @internal
 */
final class TransportDrain
{
    private const POLL_US = 20_000;

    /** @var list<Envelope> not acknowledged, so that the source does not hand them out again at once */
    private array $left = [];

    /**
     * @param TransportInterface                                   $from    hands out {@see EncodedMessage}
     * @param TransportInterface                                   $to      takes them
     * @param array{SerializerInterface, SerializerInterface}|null $recoded reads messages with the first and writes them with the second; null = they are moved as they are
     */
    public function __construct(
        private readonly TransportInterface $from,
        private readonly TransportInterface $to,
        private readonly InFlight $inFlight,
        private readonly ?array $recoded,
    ) {
    }

    /**
     * @param float $patience for how many seconds the source must have been empty
     *
     * @return \Generator<int, MoveOutcome|null> one for each message; null when there is none at the moment
     */
    public function run(float $patience): \Generator
    {
        try {
            for ($emptyAt = null; null === $emptyAt || microtime(true) < $emptyAt + $patience; usleep(self::POLL_US)) {
                do {
                    $found = false;
                    foreach ($this->from->get() as $envelope) {
                        $found = true;
                        $emptyAt = null;
                        $outcome = $this->move($envelope);
                        $this->settle($envelope, $outcome);
                        yield $outcome;
                    }
                } while ($found);
                $emptyAt ??= microtime(true);
                yield null;
            }
        } finally {
            $this->giveBack();
        }
    }

    private function move(Envelope $envelope): MoveOutcome
    {
        $message = $envelope->getMessage();
        if (!$message instanceof EncodedMessage) {
            // The engine keeps steps of runs for itself.
            return MoveOutcome::StepOfRun;
        }
        if ($this->inFlight->wasSent($envelope)) {
            return MoveOutcome::AlreadyThere;
        }
        if (null !== $this->recoded) {
            try {
                $message = $this->recode($message, ...$this->recoded);
            } catch (\Throwable) {
                // Serializers throw more than they promise.
                return MoveOutcome::NotDecodable;
            }
        }
        $received = $envelope->last(ReceivedFromQueueStamp::class);
        $this->to->send(new Envelope($message->marked($this->inFlight->begin($envelope)), null === $received ? [] : [new PriorityStamp($received->priority)]));

        return MoveOutcome::Moved;
    }

    private function settle(Envelope $envelope, MoveOutcome $outcome): void
    {
        if (!$outcome->isThere()) {
            $this->left[] = $envelope;

            return;
        }
        $this->from->ack($envelope);
        if ($this->from instanceof OssaTransport) {
            // It acknowledges in the background; a kill would leave more than one message in both transports.
            $this->from->flush();
        }
    }

    /** What other transports hand out they take back when they are closed, or after their timeout. */
    private function giveBack(): void
    {
        if ($this->from instanceof OssaTransport) {
            array_map($this->from->release(...), $this->left);
        }
        $this->left = [];
    }

    /** @throws MessengerException when the message cannot be decoded */
    private function recode(EncodedMessage $message, SerializerInterface $from, SerializerInterface $to): EncodedMessage
    {
        $encoded = $to->encode($from->decode($message->toArray())->withoutAll(DelayStamp::class));

        return new EncodedMessage($encoded['body'], $encoded['headers'] ?? []);
    }
}
