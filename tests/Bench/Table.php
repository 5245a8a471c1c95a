<?php

declare(strict_types=1);

namespace Ossa\Tests\Bench;

/** Prints rows under a head, the first column to the left and the others to the right. */
final class Table
{
    /**
     * @param list<string>       $head
     * @param list<list<string>> $rows
     */
    public static function print(array $head, array $rows): void
    {
        $widths = array_map(static fn (int $column): int => max(0, ...array_map(strlen(...), array_column([$head, ...$rows], $column))), array_keys($head));
        echo "\n";
        foreach ([$head, ...$rows] as $row) {
            foreach ($row as $column => $cell) {
                echo 0 === $column ? str_pad($cell, $widths[0]) : '  '.str_pad($cell, $widths[$column], ' ', \STR_PAD_LEFT);
            }
            echo "\n";
        }
    }

    public static function ratio(float $figure, float $other): string
    {
        return 0.0 === $figure || 0.0 === $other ? '-' : \sprintf('%.2fx', $figure / $other);
    }

    public static function rate(float $figure): string
    {
        return 0.0 === $figure ? '-' : number_format($figure, thousands_separator: ' ');
    }
}
