<?php

declare(strict_types=1);

namespace SecurityDesk;

/** What the agents did, for the reader of the demo. */
final readonly class Logbook
{
    public function __construct(private string $file)
    {
    }

    public function note(string $agent, string $what): void
    {
        file_put_contents($this->file, \sprintf("%-22s %s\n", $agent, $what), \FILE_APPEND);
    }
}
