<?php

declare(strict_types=1);

namespace Ossa\Tests\Application;

use Ossa\SymfonyRuntime\Context\OssaContext;

/** Stands for the outside world: what handlers did to it, across all processes. */
final readonly class Effects
{
    public function __construct(private string $file)
    {
    }

    public function record(OssaContext $context, string $what = ''): void
    {
        $this->write([$context->runId, $context->step, (string) $context->attempt, (string) $context->effectKey, $what]);
    }

    /** @param list<string> $fields */
    public function write(array $fields): void
    {
        // One write of less than a page, appended: whole lines, whoever else writes.
        file_put_contents($this->file, implode("\t", $fields)."\n", \FILE_APPEND);
    }

    /** @return list<list<string>> run, step, attempt, effect key, what */
    public function all(): array
    {
        $lines = is_file($this->file) ? file($this->file, \FILE_IGNORE_NEW_LINES) : [];

        return array_map(static fn (string $line): array => explode("\t", $line), false === $lines ? [] : $lines);
    }
}
