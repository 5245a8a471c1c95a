<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Drain;

/**
 * What became of a message that was to be moved.
 *
 * @internal
 */
enum MoveOutcome
{
    case Moved;
    /** Sent by a move that was killed before it could acknowledge the message. */
    case AlreadyThere;
    /** Left in the source: the target has another serializer, and that of the source does not understand it. */
    case NotDecodable;
    /** Left in the source: only workers take steps of runs. */
    case StepOfRun;

    /** Whether the target has the message. */
    public function isThere(): bool
    {
        return self::Moved === $this || self::AlreadyThere === $this;
    }
}
