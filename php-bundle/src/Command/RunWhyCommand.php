<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Command;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\SymfonyRuntime\Console\Failure;
use Ossa\SymfonyRuntime\Console\OutputFormat;
use Ossa\SymfonyRuntime\Console\RunArgument;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Exception\InvalidOptionException;
use Symfony\Component\Console\Formatter\OutputFormatter;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;

#[AsCommand('ossa:run:why', 'Says in words what a run waits for, or why it ended')]
final class RunWhyCommand extends Command
{
    public function __construct(private readonly Engine $engine)
    {
        parent::__construct();
    }

    protected function configure(): void
    {
        RunArgument::addTo($this, $this->engine);
        OutputFormat::addTo($this);
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        try {
            $format = OutputFormat::of($input);
            $why = $this->engine->why(RunArgument::of($input));
        } catch (InvalidOptionException $exception) {
            return Failure::usage($exception->getMessage(), $output);
        } catch (EngineException $exception) {
            return Failure::show($exception, $output);
        }
        if (OutputFormat::Json === $format) {
            $output->writeln(OutputFormat::json($why));

            return Command::SUCCESS;
        }
        $output->writeln(\sprintf('Run %s of %s is <options=bold>%s</>, %d %% done', $why['run'], OutputFormatter::escape($why['workflow']), $why['status'], $why['progress']));
        foreach ($why['reasons'] as $reason) {
            $output->writeln('  '.OutputFormatter::escape($reason['text']));
        }

        return Command::SUCCESS;
    }
}
