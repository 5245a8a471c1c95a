<?php

declare(strict_types=1);

namespace Ossa\Tests\Bench;

/** What is being done, on standard error: the results go to standard output. */
final class Progress
{
    public static function show(string $doing): void
    {
        fprintf(\STDERR, "%s  %s\n", date('H:i:s'), $doing);
    }

    /** @return float the load of the last minute: figures of a busy machine are worth less */
    public static function load(): float
    {
        $load = sys_getloadavg();

        return false === $load ? 0.0 : $load[0];
    }
}
