<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Command;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\SymfonyRuntime\Console\Failure;
use Ossa\SymfonyRuntime\Console\OutputFormat;
use Ossa\SymfonyRuntime\Console\RunArgument;
use Ossa\SymfonyRuntime\Console\RunData;
use Ossa\SymfonyRuntime\Console\RunTimeline;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Exception\InvalidOptionException;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;
use Symfony\Component\Console\Output\OutputInterface;

#[AsCommand('ossa:run:show', 'Shows a run: its steps, and what happened when')]
final class RunShowCommand extends Command
{
    public function __construct(private readonly Engine $engine)
    {
        parent::__construct();
    }

    protected function configure(): void
    {
        $this->addOption('events', null, InputOption::VALUE_NEGATABLE, 'Show what happened, event by event', true);
        RunArgument::addTo($this, $this->engine);
        OutputFormat::addTo($this);
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        try {
            $format = OutputFormat::of($input);
            $run = $this->engine->run(RunArgument::of($input));
        } catch (InvalidOptionException $exception) {
            return Failure::usage($exception->getMessage(), $output);
        } catch (EngineException $exception) {
            return Failure::show($exception, $output);
        }
        if (null === $run) {
            Failure::usage('There is no run with this id. "ossa:run:list" shows those there are.', $output);

            return Command::FAILURE;
        }
        if (OutputFormat::Json === $format) {
            $output->writeln(OutputFormat::json(RunData::ofRun($run)));

            return Command::SUCCESS;
        }
        $timeline = new RunTimeline($output);
        $timeline->summary($run);
        $output->writeln('');
        $timeline->steps($run);
        if (true === $input->getOption('events')) {
            $output->writeln('');
            $timeline->events($run);
        }

        return Command::SUCCESS;
    }
}
