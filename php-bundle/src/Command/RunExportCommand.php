<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Command;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\SymfonyRuntime\Console\Failure;
use Ossa\SymfonyRuntime\Console\RunArgument;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;
use Symfony\Component\Console\Output\OutputInterface;

#[AsCommand('ossa:run:export', 'Writes a whole run as JSON: to look at, to keep, or to import elsewhere')]
final class RunExportCommand extends Command
{
    public function __construct(private readonly Engine $engine)
    {
        parent::__construct();
    }

    protected function configure(): void
    {
        RunArgument::addTo($this, $this->engine);
        $this->addOption('output', 'o', InputOption::VALUE_REQUIRED, 'The file to write; standard output if not given');
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        try {
            $text = $this->engine->export(RunArgument::of($input));
        } catch (EngineException $exception) {
            return Failure::show($exception, $output);
        }
        $file = $input->getOption('output');
        if (!\is_string($file)) {
            $output->writeln($text, OutputInterface::OUTPUT_RAW);

            return Command::SUCCESS;
        }
        if (false === @file_put_contents($file, $text."\n")) {
            return Failure::usage(\sprintf('The file "%s" cannot be written.', $file), $output);
        }

        return Command::SUCCESS;
    }
}
