<?php

declare(strict_types=1);

namespace Ossa\Tests\Support;

use PHPUnit\Framework\Assert;

/**
 * A disk of a few megabytes that can be filled, gone with this object, even when the test is killed.
 *
 * It is mounted, which only root can do: a test that asks for it is skipped elsewhere.
 */
final class SmallDisk
{
    private const FILLER = '/filler';
    private const CHUNK = 4096;

    /** @var resource|null of the shell that mounts it, and unmounts it at the end */
    private $process;
    /** @var resource */
    private $input;

    private function __construct(public readonly string $folder, int $megabytes)
    {
        $mount = 'mount -t tmpfs -o size="$2"m,mode=755 ossa-test "$1" && echo mounted && { cat >/dev/null; umount -l "$1"; }';
        $process = proc_open(['sh', '-c', $mount, 'sh', $folder, (string) $megabytes], [['pipe', 'r'], ['pipe', 'w'], ['file', '/dev/null', 'w']], $pipes);
        Assert::assertIsResource($process);
        $this->process = $process;
        [$this->input, $output] = $pipes;
        $said = fgets($output);
        fclose($output);
        if (false === $said) {
            $this->unmount();
            Assert::markTestSkipped('a small disk can be mounted by root only');
        }
    }

    /** @param string $folder is made when there is none */
    public static function mount(string $folder, int $megabytes): self
    {
        @mkdir($folder, 0o755, true);

        return new self($folder, $megabytes);
    }

    /** Leaves no space, or so many bytes. */
    public function fill(int $leave = 0): void
    {
        $file = fopen($this->folder.self::FILLER, 'a');
        Assert::assertIsResource($file);
        $left = (int) disk_free_space($this->folder) - $leave;
        while ($left > 0 && @fwrite($file, str_repeat('.', self::CHUNK)) > 0) {
            $left -= self::CHUNK;
        }
        @fclose($file);
    }

    public function free(): void
    {
        unlink($this->folder.self::FILLER);
    }

    public function unmount(): void
    {
        if (null === $this->process) {
            return;
        }
        fclose($this->input);
        proc_close($this->process);
        $this->process = null;
    }

    public function __destruct()
    {
        $this->unmount();
    }
}
