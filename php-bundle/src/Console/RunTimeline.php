<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Console;

use Ossa\Runtime\Run;
use Symfony\Component\Console\Formatter\OutputFormatter;
use Symfony\Component\Console\Helper\Table;
use Symfony\Component\Console\Output\OutputInterface;

/**
 * A run for people: its steps on a common scale of time, then what happened in order.
 *
 * @internal
 */
final readonly class RunTimeline
{
    private const WIDTH = 40;

    public function __construct(private OutputInterface $output)
    {
    }

    public function summary(Run $run): void
    {
        $end = $run->getEndedAt();
        $took = null === $end ? null : ((float) $end->format('U.u')) - ((float) $run->getCreatedAt()->format('U.u'));
        $this->output->writeln(\sprintf(
            'Run <options=bold>%s</> of <options=bold>%s</>: <fg=%s>%s</>%s, %d %%',
            $run->getId(),
            OutputFormatter::escape($run->getWorkflow()),
            self::colour($run->getStatus()),
            $run->getStatus(),
            null === $took ? '' : \sprintf(' after %.3f s', $took),
            $run->getProgress(),
        ));
        if (null !== $run->getCorrelationId()) {
            $this->output->writeln('Correlation id: '.OutputFormatter::escape($run->getCorrelationId()));
        }
        $parent = $run->getParent();
        if (null !== $parent) {
            $this->output->writeln(\sprintf('Child of run %s (step %s of %s)', $parent['run'], OutputFormatter::escape($parent['step']), OutputFormatter::escape($parent['workflow'])));
        }
        $group = $run->getConcurrencyGroup();
        if (null !== $group) {
            $this->output->writeln('Concurrency group: '.OutputFormatter::escape($group));
        }
        $error = $run->getError();
        if (null !== $error) {
            $this->output->writeln(\sprintf('<fg=red>%s</>: %s%s', OutputFormatter::escape($error['code']), OutputFormatter::escape($error['message']), isset($error['step_id']) ? ' (step '.OutputFormatter::escape($error['step_id']).')' : ''));
        }
    }

    public function steps(Run $run): void
    {
        $origin = self::origin($run);
        $bars = AttemptBar::ofRun($run, $origin, self::WIDTH);
        $table = new Table($this->output);
        $table->setStyle('compact');
        $table->setHeaders(['Step', 'Status', 'Attempts', 'Begin', 'End', 'Time →']);
        foreach ($run->getSteps() as $step) {
            $table->addRow([
                OutputFormatter::escape($step['id']),
                \sprintf('<fg=%s>%s</>', self::colour($step['status']), $step['status']),
                0 === $step['attempts'] ? '' : (string) $step['attempts'],
                null === $step['started_at'] ? '' : EventLine::offset($step['started_at'] - $origin),
                null === $step['finished_at'] ? '' : EventLine::offset($step['finished_at'] - $origin),
                $bars[$step['id']] ?? '',
            ]);
        }
        $table->render();
        foreach ($run->getSteps() as $step) {
            if (null !== $step['child']) {
                $this->output->writeln(\sprintf('%s runs as %s', OutputFormatter::escape($step['id']), $step['child']));
            }
        }
        $this->output->writeln('<fg=green>#</> run  <fg=red>x</> failed attempt  <fg=gray>.</> waiting for the next attempt');
    }

    public function events(Run $run): void
    {
        $origin = self::origin($run);
        foreach ($run->getEvents() as $event) {
            $this->output->writeln(EventLine::of($event, $origin));
        }
    }

    /** When the run began, in milliseconds since the Unix epoch. */
    public static function origin(Run $run): int
    {
        return (int) $run->getCreatedAt()->format('Uv');
    }

    public static function colour(string $status): string
    {
        return match ($status) {
            'completed' => 'green',
            'failed', 'quarantined' => 'red',
            'running', 'ready', 'retrying', 'waiting' => 'cyan',
            'paused', 'canceled' => 'yellow',
            default => 'gray',
        };
    }
}
