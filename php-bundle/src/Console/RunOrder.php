<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Console;

use Ossa\Runtime\Operator;

/**
 * What an operator may order; each is a command `ossa:run:…`.
 *
 * @internal
 */
enum RunOrder: string
{
    case Pause = 'pause';
    case Resume = 'resume';
    case Cancel = 'cancel';
    case Abort = 'abort';
    case Quarantine = 'quarantine';
    case Release = 'release';
    case Retry = 'retry';
    case Skip = 'skip';
    case Execute = 'execute';

    public function description(): string
    {
        return match ($this) {
            self::Pause => 'Has a run dispatch nothing more until it is resumed',
            self::Resume => 'Lets a paused run go on',
            self::Cancel => 'Ends a run, giving up what is in flight',
            self::Abort => 'Ends a run at once, without compensation',
            self::Quarantine => 'Sets a run aside: as a pause, but only a release ends it',
            self::Release => 'Lets a run that was set aside go on',
            self::Retry => 'Tries a failed step again, beyond its policy; a run that failed goes on',
            self::Skip => 'Goes on without a step, as if its condition did not hold',
            self::Execute => 'Runs a step now that waits only for its retry, a free slot, or the end of a pause',
        };
    }

    /** Whether it is about one step of the run. */
    public function isOfStep(): bool
    {
        return \in_array($this, [self::Retry, self::Skip, self::Execute], true);
    }

    /** @return bool `false` when there was nothing left to do */
    public function carryOut(Operator $operator, string $run, string $step, string $reason): bool
    {
        if (self::Cancel === $this) {
            return $operator->cancel($run, $reason);
        }
        match ($this) {
            self::Pause => $operator->pause($run, $reason),
            self::Resume => $operator->resume($run, $reason),
            self::Abort => $operator->abort($run, $reason),
            self::Quarantine => $operator->quarantine($run, $reason),
            self::Release => $operator->release($run, $reason),
            self::Retry => $operator->retryStep($run, $step, $reason),
            self::Skip => $operator->skipStep($run, $step, $reason),
            self::Execute => $operator->executeStep($run, $step, $reason),
        };

        return true;
    }
}
