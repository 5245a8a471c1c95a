<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Command;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ArgumentException;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\SymfonyRuntime\Console\Failure;
use Ossa\SymfonyRuntime\Console\OutputFormat;
use Ossa\SymfonyRuntime\Console\RunData;
use Ossa\SymfonyRuntime\Console\RunFilter;
use Ossa\SymfonyRuntime\Console\RunTimeline;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Exception\InvalidOptionException;
use Symfony\Component\Console\Formatter\OutputFormatter;
use Symfony\Component\Console\Helper\Table;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;

#[AsCommand('ossa:run:list', 'Lists runs of OSSA tasks and workflows, the newest first')]
final class RunListCommand extends Command
{
    public function __construct(private readonly Engine $engine)
    {
        parent::__construct();
    }

    protected function configure(): void
    {
        RunFilter::addTo($this);
        OutputFormat::addTo($this);
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        $statuses = $input->getOption('status');
        try {
            $format = OutputFormat::of($input);
            $filter = RunFilter::of($input);
            $runs = $this->engine->runs($filter);
        } catch (InvalidOptionException $exception) {
            return Failure::usage($exception->getMessage(), $output);
        } catch (ArgumentException $exception) {
            return Failure::usage([] === $statuses ? $exception->getMessage() : \sprintf('The option "--status" must be one of: %s.', implode(', ', RunFilter::STATUSES)), $output);
        } catch (EngineException $exception) {
            Failure::show($exception, $output);

            return Command::INVALID;
        }
        if (OutputFormat::Json === $format) {
            $output->writeln(OutputFormat::json(array_map(RunData::ofSummary(...), $runs)));

            return Command::SUCCESS;
        }
        if ([] === $runs) {
            Failure::errors($output)->writeln('There are no such runs.');

            return Command::SUCCESS;
        }
        $table = new Table($output);
        $table->setStyle('compact');
        $table->setHeaders(['Run', 'Workflow', 'Status', '%', 'Step', 'Created', 'Error']);
        foreach ($runs as $run) {
            $table->addRow([
                $run->getId(),
                OutputFormatter::escape($run->getWorkflow()),
                \sprintf('<fg=%s>%s</>', RunTimeline::colour($run->getStatus()), $run->getStatus()),
                $run->getProgress(),
                OutputFormatter::escape($run->getCurrentStep() ?? ''),
                $run->getCreatedAt()->format('Y-m-d H:i:s'),
                OutputFormatter::escape(mb_strimwidth($run->getError() ?? '', 0, 60, '…')),
            ]);
        }
        $table->render();
        if (\count($runs) === $filter['limit']) {
            Failure::errors($output)->writeln(\sprintf('<comment>There may be more: --after=%s</comment>', $runs[$filter['limit'] - 1]->getId()));
        }

        return Command::SUCCESS;
    }
}
