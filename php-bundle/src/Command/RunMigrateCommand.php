<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Command;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\SymfonyRuntime\Console\Failure;
use Ossa\SymfonyRuntime\Console\OrderOptions;
use Ossa\SymfonyRuntime\Console\OutputFormat;
use Ossa\SymfonyRuntime\Console\RunArgument;
use Ossa\SymfonyRuntime\Relay\StepRelay;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Exception\InvalidOptionException;
use Symfony\Component\Console\Formatter\OutputFormatter;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;
use Symfony\Component\Console\Output\OutputInterface;

#[AsCommand('ossa:run:migrate', 'Has a run go on with another version of its workflow')]
final class RunMigrateCommand extends Command
{
    public function __construct(
        private readonly Engine $engine,
        private readonly StepRelay $relay,
    ) {
        parent::__construct();
    }

    protected function configure(): void
    {
        RunArgument::addTo($this, $this->engine);
        $this
            ->addOption('to', null, InputOption::VALUE_REQUIRED, 'Name or path of the new version; the workflow of the run\'s name if not given', '')
            ->addOption('dry-run', null, InputOption::VALUE_NONE, 'Only say what differs; exit code 1 if something stands in the way');
        OrderOptions::addTo($this);
        OutputFormat::addTo($this);
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        $to = $input->getOption('to');
        try {
            $format = OutputFormat::of($input);
            $migration = $this->engine->operator(OrderOptions::by($input))->migrate(RunArgument::of($input), \is_string($to) ? $to : '', true === $input->getOption('dry-run'), OrderOptions::reason($input));
            $this->relay->afterEngineCall();
        } catch (InvalidOptionException $exception) {
            return Failure::usage($exception->getMessage(), $output);
        } catch (EngineException $exception) {
            return Failure::show($exception, $output);
        }
        $blocked = \in_array(true, array_column($migration['differences'], 'blocks'), true);
        if (OutputFormat::Json === $format) {
            $output->writeln(OutputFormat::json($migration));
        } else {
            $output->writeln(\sprintf('Run %s %s with plan %s', $migration['run'], $migration['migrated'] ? 'goes on' : ($blocked ? 'cannot go on' : 'can go on'), $migration['to']));
            foreach ($migration['differences'] as $difference) {
                $output->writeln(\sprintf('  %s: %s', $difference['blocks'] ? 'in the way' : 'differs', OutputFormatter::escape($difference['text'])));
            }
        }

        return $blocked ? Command::FAILURE : Command::SUCCESS;
    }
}
