<?php

declare(strict_types=1);

namespace Ossa\Tests\Support;

use PHPUnit\Framework\Assert;

/** Clocks of processes, which can be set while these run. Needs libfaketime: a test that asks for it is skipped without. */
final readonly class WorkerClocks
{
    private string $library;

    public function __construct(private string $folder)
    {
        $this->library = self::library() ?? Assert::markTestSkipped('libfaketime is not installed');
    }

    public static function canBeSet(): bool
    {
        return null !== self::library();
    }

    /** @return array<string, string> environment of a process whose clock is this one */
    public function environment(int $number): array
    {
        if (!is_file($this->file($number))) {
            $this->set($number, 0);
        }

        return [
            // PHP has extensions ask the C library itself for the time, but not one that was loaded before.
            'LD_PRELOAD' => $this->library.' '.self::extension(),
            'FAKETIME_TIMESTAMP_FILE' => $this->file($number),
            'FAKETIME_NO_CACHE' => '1',
            // Waiting goes by a clock that nobody sets.
            'FAKETIME_DONT_FAKE_MONOTONIC' => '1',
        ];
    }

    /** @param int $seconds how much it is ahead of the machine's; less than 0 = behind */
    public function set(int $number, int $seconds): void
    {
        // Replaced as a whole: it is read all the time.
        file_put_contents($this->file($number).'.new', \sprintf("%+d\n", $seconds));
        rename($this->file($number).'.new', $this->file($number));
    }

    private static function extension(): string
    {
        Assert::assertSame(1, preg_match('~\S+/(lib)?ossa\.so$~m', (string) file_get_contents('/proc/self/maps'), $match), 'the extension is loaded');

        return $match[0];
    }

    private static function library(): ?string
    {
        $libraries = glob('/usr/lib*/{,*/}faketime/libfaketimeMT.so.1', \GLOB_BRACE);

        return false === $libraries ? null : $libraries[0] ?? null;
    }

    private function file(int $number): string
    {
        return $this->folder.'/clock-'.$number;
    }
}
