<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Stamp;

use Ossa\SymfonyRuntime\Exception\LogicException;
use Symfony\Component\Messenger\Stamp\StampInterface;

/** How urgent a message is. Honoured by `ossa://` transports; others ignore it. */
final readonly class PriorityStamp implements StampInterface
{
    public const CRITICAL = 'critical';
    public const HIGH = 'high';
    public const NORMAL = 'normal';
    public const LOW = 'low';
    public const ALL = [self::CRITICAL, self::HIGH, self::NORMAL, self::LOW];

    public function __construct(public string $priority)
    {
        if (!\in_array($priority, self::ALL, true)) {
            throw new LogicException(\sprintf('"%s" is no priority; it is one of: %s.', $priority, implode(', ', self::ALL)));
        }
    }
}
