<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Command;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\Runtime\RunSummary;
use Ossa\SymfonyRuntime\Console\Failure;
use Ossa\SymfonyRuntime\Console\OutputFormat;
use Ossa\SymfonyRuntime\Console\RunData;
use Ossa\SymfonyRuntime\Console\RunFilter;
use Ossa\SymfonyRuntime\Console\TimeOption;
use Ossa\SymfonyRuntime\Transaction\TransactionalSteps;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Exception\InvalidOptionException;
use Symfony\Component\Console\Formatter\OutputFormatter;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;
use Symfony\Component\Console\Output\OutputInterface;

#[AsCommand('ossa:run:prune', 'Removes runs that have ended, with their history')]
final class RunPruneCommand extends Command
{
    private const STATUSES = ['completed', 'failed', 'canceled'];

    /** @param array<'completed'|'failed'|'canceled', array{max_age_seconds?: int|null, max_count?: int|null}> $retention what to do when the command line says nothing */
    public function __construct(
        private readonly Engine $engine,
        private readonly TransactionalSteps $transactions,
        private readonly array $retention,
    ) {
        parent::__construct();
    }

    protected function configure(): void
    {
        $this
            ->addOption('status', 's', InputOption::VALUE_REQUIRED | InputOption::VALUE_IS_ARRAY, 'Of runs that ended so: '.implode(', ', self::STATUSES).'; all three if not given', [], self::STATUSES)
            ->addOption('older-than', null, InputOption::VALUE_REQUIRED, 'Those that ended longer ago than this: 90s, 45m, 12h, 30d, 2w')
            ->addOption('keep', null, InputOption::VALUE_REQUIRED, 'Those beyond this many of each status, the latest counted first')
            ->addOption('limit', 'l', InputOption::VALUE_REQUIRED, 'At most so many', '100000')
            ->addOption('dry-run', null, InputOption::VALUE_NONE, 'Only say which')
            ->setHelp(<<<'HELP'
                Without <info>--older-than</info> and <info>--keep</info>, the rules of <info>ossa.runtime.retention</info> apply. Runs that have not ended are never removed.

                Exit code: 0 done, 2 wrong usage or the store failed.
                HELP);
        OutputFormat::addTo($this);
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        $dry = true === $input->getOption('dry-run');
        try {
            $format = OutputFormat::of($input);
            $rules = $this->rules($input);
            $limit = RunFilter::count($input, 'limit', 10_000_000) ?? 100_000;
            $runs = $this->engine->prune($rules, $dry, $limit);
            if (!$dry) {
                $this->transactions->forget(array_map(static fn (RunSummary $run): string => $run->getId(), $runs));
            }
        } catch (InvalidOptionException $exception) {
            return Failure::usage($exception->getMessage(), $output);
        } catch (EngineException $exception) {
            Failure::show($exception, $output);

            return Command::INVALID;
        }
        if (OutputFormat::Json === $format) {
            $output->writeln(OutputFormat::json(array_map(RunData::ofSummary(...), $runs)));
        } elseif ($dry) {
            foreach ($runs as $run) {
                $output->writeln(\sprintf('%s  %-9s  %s  %s', $run->getId(), $run->getStatus(), $run->getEndedAt()?->format('Y-m-d H:i:s') ?? '', OutputFormatter::escape($run->getWorkflow())));
            }
        }
        Failure::errors($output)->writeln(\sprintf('%d runs %s', \count($runs), $dry ? 'would be removed' : 'removed'));

        return Command::SUCCESS;
    }

    /** @return array<'completed'|'failed'|'canceled', array{max_age_seconds?: int|null, max_count?: int|null}> */
    private function rules(InputInterface $input): array
    {
        $given = $input->getOption('status');
        $statuses = \is_array($given) && [] !== $given ? $given : self::STATUSES;
        $rule = [];
        $older = $input->getOption('older-than');
        if (\is_string($older)) {
            $rule['max_age_seconds'] = TimeOption::seconds($older) ?? throw new InvalidOptionException('The option "--older-than" must be a number with a unit: 90s, 45m, 12h, 30d or 2w.');
        }
        $keep = $input->getOption('keep');
        if (null !== $keep) {
            $rule['max_count'] = '0' === $keep ? 0 : RunFilter::count($input, 'keep', \PHP_INT_MAX);
        }
        $rules = [];
        foreach (self::STATUSES as $status) {
            if (\in_array($status, $statuses, true)) {
                $bounds = [] === $rule ? array_filter($this->retention[$status] ?? [], is_int(...)) : $rule;
                if ([] !== $bounds) {
                    $rules[$status] = $bounds;
                }
            }
        }
        if ([] !== array_diff($statuses, self::STATUSES)) {
            throw new InvalidOptionException(\sprintf('The option "--status" must be one of: %s.', implode(', ', self::STATUSES)));
        }
        if ([] === $rules) {
            throw new InvalidOptionException('Say which runs to remove with "--older-than" or "--keep", or configure "ossa.runtime.retention".');
        }

        return $rules;
    }
}
