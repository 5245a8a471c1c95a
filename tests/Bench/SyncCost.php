<?php

declare(strict_types=1);

namespace Ossa\Tests\Bench;

/**
 * The cost of making 4 KiB durable: what every durable store pays, whoever wrote it.
 */
final readonly class SyncCost
{
    /**
     * @return float median microseconds of one fdatasync in the folder for temporary files
     */
    public static function measure(): float
    {
        $path = tempnam(sys_get_temp_dir(), 'ossa-sync');
        if (false === $path || false === $file = fopen($path, 'w')) {
            throw new \RuntimeException('The folder for temporary files cannot be written.');
        }
        $times = [];
        for ($i = 0; $i < 200; ++$i) {
            fwrite($file, str_repeat('x', 4096));
            $began = hrtime(true);
            fdatasync($file);
            $times[] = (hrtime(true) - $began) / 1e3;
        }
        fclose($file);
        unlink($path);

        return Statistics::median($times);
    }
}
