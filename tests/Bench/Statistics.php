<?php

declare(strict_types=1);

namespace Ossa\Tests\Bench;

final readonly class Statistics
{
    /**
     * @param list<float> $values
     */
    public static function median(array $values): float
    {
        return self::percentile($values, 50);
    }

    /**
     * The smallest value that is not below `$percent` per cent of the values.
     *
     * @param list<float> $values
     */
    public static function percentile(array $values, int $percent): float
    {
        sort($values);
        $rank = (int) ceil($percent / 100 * \count($values));

        return $values[max(0, $rank - 1)] ?? throw new \InvalidArgumentException('There is no percentile of nothing.');
    }
}
