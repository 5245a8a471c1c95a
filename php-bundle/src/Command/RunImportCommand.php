<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Command;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\SymfonyRuntime\Console\Failure;
use Ossa\SymfonyRuntime\Console\OutputFormat;
use Ossa\SymfonyRuntime\Relay\StepRelay;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Exception\InvalidOptionException;
use Symfony\Component\Console\Input\InputArgument;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;

#[AsCommand('ossa:run:import', 'Brings an exported run into the store, under the id it has')]
final class RunImportCommand extends Command
{
    public function __construct(
        private readonly Engine $engine,
        private readonly StepRelay $relay,
    ) {
        parent::__construct();
    }

    protected function configure(): void
    {
        $this->addArgument('file', InputArgument::REQUIRED, 'The file that was exported; "-" for standard input');
        OutputFormat::addTo($this);
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        $file = $input->getArgument('file');
        $text = \is_string($file) ? @file_get_contents('-' === $file ? 'php://stdin' : $file) : false;
        if (false === $text) {
            return Failure::usage(\sprintf('The file "%s" cannot be read.', \is_string($file) ? $file : ''), $output);
        }
        try {
            $format = OutputFormat::of($input);
            $run = $this->engine->import($text);
            $this->relay->afterEngineCall();
        } catch (InvalidOptionException $exception) {
            return Failure::usage($exception->getMessage(), $output);
        } catch (EngineException $exception) {
            return Failure::show($exception, $output);
        }
        $output->writeln(OutputFormat::Json === $format
            ? OutputFormat::json(['run' => $run->getId(), 'new' => $run->isNew()])
            : \sprintf('Run %s %s.', $run->getId(), $run->isNew() ? 'is imported' : 'was there already'));

        return Command::SUCCESS;
    }
}
