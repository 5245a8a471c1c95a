<?php

declare(strict_types=1);

namespace Ossa\Tests\Application;

use Symfony\Component\Process\Process;

/** Keeps everybody else from writing into a SQLite file, out of a process of its own. */
final class StoreLock
{
    private const HOLD = <<<'PHP'
        $db = new SQLite3($argv[1]);
        $db->busyTimeout(5000);
        $db->exec('BEGIN IMMEDIATE');
        echo "held\n";
        // Until the log says so, if it is asked for, or until the time is over.
        for ($end = microtime(true) + (float) $argv[2]; microtime(true) < $end; usleep(1000)) {
            if ('' !== $argv[3] && is_file($argv[4]) && str_contains(file_get_contents($argv[4]), $argv[3])) {
                break;
            }
        }
        $db->exec('ROLLBACK');
        PHP;

    /** @var list<Process> */
    private array $holders = [];

    public function __construct(private readonly string $folder)
    {
    }

    public function __destruct()
    {
        foreach ($this->holders as $holder) {
            $holder->stop(0);
        }
    }

    /** Returns when the lock is held; it is released after so many seconds, or when this text is in the log. */
    public function hold(float $seconds, string $untilLogged = ''): void
    {
        $holder = new Process([\PHP_BINARY, '-r', self::HOLD, '--', $this->folder.'/ossa.db', (string) $seconds, $untilLogged, $this->folder.'/warnings.log'], timeout: 60);
        $holder->start();
        $holder->waitUntil(static fn (string $type, string $text): bool => str_contains($text, 'held'));
        $this->holders[] = $holder;
    }
}
