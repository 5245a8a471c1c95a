<?php

declare(strict_types=1);

namespace Ossa\Tests\Bench;

/** What is asked of each measure, and whether it holds. */
final class Bars
{
    /** @var list<array{string, string, string, string}> measure, figure, bar, verdict */
    private array $rows = [];

    /** Asks for at least so many times the other's figure. */
    public function atLeastTimes(string $measure, float $figure, float $times, float $other, string $whose): void
    {
        $ratio = $figure / $other;
        $this->rows[] = [$measure, \sprintf('%.2fx', $ratio), \sprintf('>= %sx %s', $times, $whose), self::verdict($ratio >= $times)];
    }

    public function atMost(string $measure, float $figure, float $most, string $unit): void
    {
        $this->rows[] = [$measure, \sprintf('%.1f %s', $figure, $unit), \sprintf('<= %s %s', $most, $unit), self::verdict($figure <= $most)];
    }

    public function atLeast(string $measure, float $figure, float $least, string $unit): void
    {
        $this->rows[] = [$measure, Table::rate($figure).' '.$unit, \sprintf('>= %s %s', Table::rate($least), $unit), self::verdict($figure >= $least)];
    }

    public function print(): void
    {
        if ([] !== $this->rows) {
            Table::print(['bar', 'figure', 'asked for', 'holds'], $this->rows);
        }
    }

    private static function verdict(bool $holds): string
    {
        return $holds ? 'yes' : 'NO';
    }
}
