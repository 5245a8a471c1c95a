<?php

declare(strict_types=1);

namespace Ossa\Tests\Application;

use Psr\Log\AbstractLogger;
use Psr\Log\LogLevel;

/** Writes warnings and worse into a file that a failing test can show. */
final class FileLogger extends AbstractLogger
{
    public function __construct(private readonly string $file)
    {
    }

    public function log($level, string|\Stringable $message, array $context = []): void
    {
        if (\in_array($level, [LogLevel::DEBUG, LogLevel::INFO, LogLevel::NOTICE], true)) {
            return;
        }
        $values = [];
        foreach ($context as $key => $value) {
            if (\is_scalar($value)) {
                $values['{'.$key.'}'] = (string) $value;
            }
        }
        @mkdir(\dirname($this->file), 0777, true);
        file_put_contents($this->file, \sprintf("%d %s %s\n", getmypid(), \is_string($level) ? $level : '', strtr((string) $message, $values)), \FILE_APPEND);
    }
}
