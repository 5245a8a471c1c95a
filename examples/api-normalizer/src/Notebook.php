<?php

declare(strict_types=1);

namespace ApiNormalizer;

/** Files that the agents keep; one line an entry. */
final readonly class Notebook
{
    public function __construct(private string $folder)
    {
    }

    public function add(string $page, string $line): void
    {
        if (!is_dir($this->folder)) {
            @mkdir($this->folder, recursive: true);
        }
        file_put_contents($this->file($page), $line."\n", \FILE_APPEND | \LOCK_EX);
    }

    /** @return list<string> */
    public function lines(string $page): array
    {
        $lines = is_file($this->file($page)) ? file($this->file($page), \FILE_IGNORE_NEW_LINES) : [];

        return false === $lines ? [] : $lines;
    }

    private function file(string $page): string
    {
        return $this->folder.'/'.preg_replace('/[^a-z0-9.-]+/i', '-', trim($page, '/')).'.txt';
    }
}
