<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Transport;

use Symfony\Component\Messenger\Stamp\NonSendableStampInterface;

/**
 * Where an envelope came from, so that it can be acknowledged there.
 *
 * @internal
 */
final readonly class ReceivedFromQueueStamp implements NonSendableStampInterface
{
    /**
     * @param string|null $token set for the item of a step
     * @param bool        $held  false for a message that was only looked at
     */
    public function __construct(
        public string $queue,
        public string $id,
        public ?string $token,
        public bool $held,
        public string $priority,
    ) {
    }
}
