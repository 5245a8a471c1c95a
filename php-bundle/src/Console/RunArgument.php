<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Console;

use Ossa\Runtime\Engine;
use Ossa\Runtime\RunSummary;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Input\InputArgument;
use Symfony\Component\Console\Input\InputInterface;

/**
 * The argument of a command that names a run; completed from the newest runs.
 *
 * @internal
 */
final class RunArgument
{
    public static function addTo(Command $command, Engine $engine): void
    {
        $command->addArgument('id', InputArgument::REQUIRED, 'Id of the run', null, static fn (): array => array_map(static fn (RunSummary $run): string => $run->getId(), $engine->runs(['limit' => 50])));
    }

    public static function of(InputInterface $input): string
    {
        $id = $input->getArgument('id');

        return \is_string($id) ? $id : '';
    }
}
