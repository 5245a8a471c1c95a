<?php

declare(strict_types=1);

namespace Ossa\Tests\Chaos;

/** What is done to a running application. */
enum Fault: string
{
    /** A busy worker is killed; nobody starts it again before all is handled. */
    case Worker = 'worker';
    /** The server is killed and started again, now and then together with a worker. */
    case Server = 'server';
    /** The disk with the data is full for a while. */
    case Disk = 'disk';
    /** Connections of a worker and of the sender end, and are refused for a while. */
    case Cut = 'cut';
    /** On these connections nothing arrives for a while, longer than a lease at times. */
    case Stall = 'stall';
    /** On these connections everything arrives late. */
    case Delay = 'delay';
    /** The clock of a worker, or of all workers, is set forward, then right again. */
    case Forward = 'forward';
    /** The clock of a worker, or of all workers, is set back, then right again. */
    case Back = 'back';

    public function isOfTheNetwork(): bool
    {
        return \in_array($this, [self::Cut, self::Stall, self::Delay], true);
    }

    public function isOfTheClock(): bool
    {
        return \in_array($this, [self::Forward, self::Back], true);
    }
}
