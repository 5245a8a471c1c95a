<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Command;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ArgumentException;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\SymfonyRuntime\Console\Failure;
use Ossa\SymfonyRuntime\Console\OutputFormat;
use Ossa\SymfonyRuntime\Console\RunData;
use Ossa\SymfonyRuntime\Console\RunTimeline;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Exception\InvalidOptionException;
use Symfony\Component\Console\Formatter\OutputFormatter;
use Symfony\Component\Console\Helper\Table;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;
use Symfony\Component\Console\Output\OutputInterface;

#[AsCommand('ossa:run:list', 'Lists runs of OSSA tasks and workflows, the newest first')]
final class RunListCommand extends Command
{
    private const STATUSES = ['pending', 'running', 'waiting', 'paused', 'completed', 'failed', 'canceled', 'quarantined'];

    public function __construct(private readonly Engine $engine)
    {
        parent::__construct();
    }

    protected function configure(): void
    {
        $this
            ->addOption('status', 's', InputOption::VALUE_REQUIRED | InputOption::VALUE_IS_ARRAY, 'Only runs with this status: '.implode(', ', self::STATUSES), [], self::STATUSES)
            ->addOption('workflow', null, InputOption::VALUE_REQUIRED, 'Only runs of this workflow or task')
            ->addOption('correlation-id', null, InputOption::VALUE_REQUIRED, 'Only runs of this business case')
            ->addOption('after', null, InputOption::VALUE_REQUIRED, 'Continue after this run')
            ->addOption('limit', 'l', InputOption::VALUE_REQUIRED, 'At most so many', '20');
        OutputFormat::addTo($this);
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        $limit = filter_var($input->getOption('limit'), \FILTER_VALIDATE_INT, ['options' => ['min_range' => 1, 'max_range' => 10000]]);
        if (!\is_int($limit)) {
            return Failure::usage('The option "--limit" must be a whole number from 1 to 10000.', $output);
        }
        $filter = ['limit' => $limit];
        foreach (['workflow' => 'workflow', 'correlation-id' => 'correlation_id', 'after' => 'after'] as $option => $key) {
            $value = $input->getOption($option);
            if (\is_string($value)) {
                $filter[$key] = $value;
            }
        }
        /** @var list<string> $statuses */
        $statuses = $input->getOption('status');
        if ([] !== $statuses) {
            $filter['status'] = $statuses;
        }
        try {
            $format = OutputFormat::of($input);
            $runs = $this->engine->runs($filter);
        } catch (InvalidOptionException $exception) {
            return Failure::usage($exception->getMessage(), $output);
        } catch (ArgumentException $exception) {
            return Failure::usage([] === $statuses ? $exception->getMessage() : \sprintf('The option "--status" must be one of: %s.', implode(', ', self::STATUSES)), $output);
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
        if (\count($runs) === $limit) {
            Failure::errors($output)->writeln(\sprintf('<comment>There may be more: --after=%s</comment>', $runs[$limit - 1]->getId()));
        }

        return Command::SUCCESS;
    }
}
