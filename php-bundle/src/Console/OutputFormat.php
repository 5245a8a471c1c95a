<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Console;

use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Exception\InvalidOptionException;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;

/**
 * The option `--format` of a command: text for people, JSON for programs.
 *
 * @internal
 */
enum OutputFormat: string
{
    case Text = 'text';
    case Json = 'json';

    public static function addTo(Command $command): void
    {
        $command->addOption('format', null, InputOption::VALUE_REQUIRED, 'The output format: text or json', self::Text->value, self::names());
    }

    public static function of(InputInterface $input): self
    {
        $format = $input->getOption('format');

        return self::tryFrom(\is_string($format) ? $format : '') ?? throw new InvalidOptionException('The option "--format" must be "text" or "json".');
    }

    /** @return list<string> */
    public static function names(): array
    {
        return array_column(self::cases(), 'value');
    }

    /** What a command says that changed a run. */
    public function statusOf(string $run, string $status): string
    {
        return self::Json === $this ? self::json(['run' => $run, 'status' => $status]) : \sprintf('Run %s is %s.', $run, $status);
    }

    public static function json(mixed $value): string
    {
        return json_encode($value, \JSON_PRETTY_PRINT | \JSON_UNESCAPED_SLASHES | \JSON_UNESCAPED_UNICODE | \JSON_THROW_ON_ERROR | \JSON_PRESERVE_ZERO_FRACTION);
    }
}
