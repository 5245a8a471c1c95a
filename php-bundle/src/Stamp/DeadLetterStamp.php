<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Stamp;

use Symfony\Component\Messenger\Stamp\NonSendableStampInterface;

/**
 * Tells an `ossa://` transport to keep a rejected message in its dead-letter queue: it failed for good, and no failure
 * transport took it.
 *
 * @internal
 */
final readonly class DeadLetterStamp implements NonSendableStampInterface
{
}
