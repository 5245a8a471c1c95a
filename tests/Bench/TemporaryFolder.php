<?php

declare(strict_types=1);

namespace Ossa\Tests\Bench;

use Symfony\Component\Filesystem\Filesystem;

/** A folder that goes with this object; its name is that of a queue as well. */
final readonly class TemporaryFolder
{
    public string $path;

    public function __construct()
    {
        $this->path = sys_get_temp_dir().'/ossa-bench-'.bin2hex(random_bytes(4));
        (new Filesystem())->mkdir($this->path);
    }

    public function __destruct()
    {
        (new Filesystem())->remove($this->path);
    }
}
