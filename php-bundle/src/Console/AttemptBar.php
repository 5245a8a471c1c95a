<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Console;

use Ossa\Runtime\Run;

/**
 * Draws the attempts of each step on the time scale of its run, from the run's events.
 *
 * @internal
 */
final class AttemptBar
{
    private const COLOURS = ['#' => 'green', 'x' => 'red', '.' => 'gray'];

    /** @return array<string, string> bar by step id */
    public static function ofRun(Run $run, int $origin, int $width): array
    {
        $events = $run->getEvents();
        $last = end($events);
        $scale = $width / max(1, (false === $last ? $origin : $last['at']) - $origin);
        $bars = [];
        foreach (self::segments($events) as $step => $segments) {
            $cells = array_fill(0, $width, ' ');
            foreach ($segments as [$from, $until, $mark]) {
                $first = min($width - 1, (int) (($from - $origin) * $scale));
                $end = max($first, min($width - 1, (int) (($until - $origin) * $scale)));
                // A short attempt stays visible beside a long wait.
                array_splice($cells, $first, $end - $first + 1, array_fill(0, $end - $first + 1, $mark));
            }
            $bars[$step] = self::coloured(rtrim(implode('', $cells)));
        }

        return $bars;
    }

    /**
     * @param list<array{version: int, at: int, type: string, ...}> $events
     *
     * @return array<string, list<array{int, int, string}>> from, until and mark of each stretch, by step id
     */
    private static function segments(array $events): array
    {
        $begun = [];
        $segments = [];
        foreach ($events as $event) {
            $step = $event['step'] ?? null;
            if (!\is_string($step)) {
                continue;
            }
            $at = $event['at'];
            switch ($event['type']) {
                case 'step_dispatched':
                    $begun[$step] ??= $at;
                    break;
                case 'attempt_failed':
                    $segments[$step][] = [$begun[$step] ?? $at, $at, 'x'];
                    $begun[$step] = null;
                    break;
                case 'step_retry_scheduled':
                    $due = \is_int($event['due'] ?? null) ? max($at, $event['due']) : $at;
                    $segments[$step][] = [$at + 1, $due, '.'];
                    $begun[$step] = $due;
                    break;
                case 'step_completed':
                    $segments[$step][] = [$begun[$step] ?? $at, $at, '#'];
                    break;
            }
        }

        return $segments;
    }

    private static function coloured(string $bar): string
    {
        return (string) preg_replace_callback('/#+|x+|\.+/', static fn (array $run): string => \sprintf('<fg=%s>%s</>', self::COLOURS[$run[0][0]] ?? 'default', $run[0]), $bar);
    }
}
