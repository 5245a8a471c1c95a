<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Drain;

use Ossa\Runtime\KeyValueStore;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Stamp\TransportMessageIdStamp;
use Symfony\Component\Messenger\Transport\Receiver\ListableReceiverInterface;
use Symfony\Component\Messenger\Transport\TransportInterface;

/**
 * Remembers which message is being moved, so that a move that was killed between the send and the acknowledgement does
 * not send it twice. Needs a source whose messages have ids and a target that can be listed; without them it knows nothing.
 *
 * @internal
 */
final class InFlight
{
    /** @var array<string, string> what killed moves may have sent: mark in the target by id in the source */
    private array $suspects;

    public function __construct(
        private readonly KeyValueStore $memory,
        private readonly string $key,
        private readonly TransportInterface $to,
    ) {
        $suspects = $memory->get($key);
        // Ids that are numbers are keys that are numbers.
        $this->suspects = \is_array($suspects) ? array_map(strval(...), array_filter($suspects, is_scalar(...))) : [];
    }

    /** Whether a move that was killed sent the message, and it is still there. */
    public function wasSent(Envelope $envelope): bool
    {
        $id = self::id($envelope);
        $mark = null === $id ? null : $this->suspects[$id] ?? null;
        if (null === $mark || !$this->to instanceof ListableReceiverInterface) {
            return false;
        }
        unset($this->suspects[$id]);
        foreach ($this->to->all() as $there) {
            $message = $there->getMessage();
            if ($message instanceof EncodedMessage && $message->getMark() === $mark) {
                return true;
            }
        }

        return false;
    }

    /** @return string the mark that the message is to be sent with */
    public function begin(Envelope $envelope): string
    {
        $mark = bin2hex(random_bytes(8));
        $id = self::id($envelope);
        if (null !== $id && $this->to instanceof ListableReceiverInterface) {
            $this->memory->set($this->key, $this->suspects + [$id => $mark]);
        }

        return $mark;
    }

    /** To be called once nothing is in flight any more. */
    public function end(): void
    {
        [] === $this->suspects ? $this->memory->delete($this->key) : $this->memory->set($this->key, $this->suspects);
    }

    private static function id(Envelope $envelope): ?string
    {
        $id = $envelope->last(TransportMessageIdStamp::class)?->getId();

        return \is_scalar($id) ? (string) $id : null;
    }
}
