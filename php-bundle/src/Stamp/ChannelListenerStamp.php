<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Stamp;

use Symfony\Component\Messenger\Stamp\StampInterface;

/** For whom a message of a channel is that was passed on to another Messenger transport. */
final readonly class ChannelListenerStamp implements StampInterface
{
    /** @param string|null $handler which of the subscriber's handlers is meant */
    public function __construct(
        public string $subscriber,
        public ?string $handler = null,
    ) {
    }
}
