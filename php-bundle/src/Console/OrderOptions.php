<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Console;

use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;

/**
 * The options `--by` and `--reason` of a command: who orders something and why, for the timeline of the run.
 *
 * @internal
 */
final class OrderOptions
{
    public static function addTo(Command $command): void
    {
        $command
            ->addOption('by', null, InputOption::VALUE_REQUIRED, 'Who orders it; without it, what the variable USER says')
            ->addOption('reason', null, InputOption::VALUE_REQUIRED, 'Why', '');
    }

    public static function by(InputInterface $input): string
    {
        $by = $input->getOption('by') ?? getenv('USER');

        return \is_string($by) ? $by : '';
    }

    public static function reason(InputInterface $input): string
    {
        $reason = $input->getOption('reason');

        return \is_string($reason) ? $reason : '';
    }
}
