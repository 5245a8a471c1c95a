<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Command;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\SymfonyRuntime\Console\EventLine;
use Ossa\SymfonyRuntime\Console\Failure;
use Ossa\SymfonyRuntime\Console\OutputFormat;
use Ossa\SymfonyRuntime\Console\RunArgument;
use Ossa\SymfonyRuntime\Console\RunFilter;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Exception\InvalidOptionException;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;
use Symfony\Component\Console\Output\OutputInterface;

#[AsCommand('ossa:run:history', 'Prints the events of a run')]
final class RunHistoryCommand extends Command
{
    public function __construct(private readonly Engine $engine)
    {
        parent::__construct();
    }

    protected function configure(): void
    {
        RunArgument::addTo($this, $this->engine);
        $this
            ->addOption('after', null, InputOption::VALUE_REQUIRED, 'Only those of transitions after this version')
            ->addOption('limit', 'l', InputOption::VALUE_REQUIRED, 'Those of at most so many transitions', '1000');
        OutputFormat::addTo($this);
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        $id = RunArgument::of($input);
        try {
            $format = OutputFormat::of($input);
            $after = RunFilter::count($input, 'after', \PHP_INT_MAX) ?? 0;
            $limit = RunFilter::count($input, 'limit', 1_000_000) ?? 1000;
            $first = $this->engine->events($id, 0, 1);
            $events = $this->engine->events($id, $after, $limit);
        } catch (InvalidOptionException $exception) {
            return Failure::usage($exception->getMessage(), $output);
        } catch (EngineException $exception) {
            return Failure::show($exception, $output);
        }
        if ([] === $first) {
            Failure::usage('There is no run with this id. "ossa:run:list" shows those there are.', $output);

            return Command::FAILURE;
        }
        if (OutputFormat::Json === $format) {
            $output->writeln(OutputFormat::json($events));

            return Command::SUCCESS;
        }
        foreach ($events as $event) {
            $output->writeln(EventLine::of($event, $first[0]['at']));
        }

        return Command::SUCCESS;
    }
}
