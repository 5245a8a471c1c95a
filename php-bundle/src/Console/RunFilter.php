<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Console;

use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Exception\InvalidOptionException;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;

/**
 * The options with which a command finds runs.
 *
 * @internal
 */
final class RunFilter
{
    public const STATUSES = ['pending', 'running', 'waiting', 'paused', 'completed', 'failed', 'canceled', 'quarantined'];

    private const TEXTS = ['workflow' => 'workflow', 'correlation-id' => 'correlation_id', 'after' => 'after'];
    private const TIMES = ['created-from' => 'created_from', 'created-before' => 'created_before', 'updated-from' => 'updated_from', 'updated-before' => 'updated_before'];

    public static function addTo(Command $command): void
    {
        $command
            ->addOption('status', 's', InputOption::VALUE_REQUIRED | InputOption::VALUE_IS_ARRAY, 'Only runs with this status: '.implode(', ', self::STATUSES), [], self::STATUSES)
            ->addOption('workflow', null, InputOption::VALUE_REQUIRED, 'Only runs of this workflow or task')
            ->addOption('correlation-id', null, InputOption::VALUE_REQUIRED, 'Only runs of this business case')
            ->addOption('label', null, InputOption::VALUE_REQUIRED | InputOption::VALUE_IS_ARRAY, 'Only runs with this label, as name=value', [])
            ->addOption('created-from', null, InputOption::VALUE_REQUIRED, 'Only runs created then or later: a time, a day, or a length of time ago (12h)')
            ->addOption('created-before', null, InputOption::VALUE_REQUIRED, 'Only runs created before')
            ->addOption('updated-from', null, InputOption::VALUE_REQUIRED, 'Only runs that last changed then or later')
            ->addOption('updated-before', null, InputOption::VALUE_REQUIRED, 'Only runs that last changed before')
            ->addOption('after', null, InputOption::VALUE_REQUIRED, 'Continue after this run')
            ->addOption('limit', 'l', InputOption::VALUE_REQUIRED, 'At most so many', '20');
    }

    /**
     * @return array{limit: int<1, max>, status?: list<string>, labels?: array<string, string>, workflow?: string, correlation_id?: string, after?: string, created_from?: int, created_before?: int, updated_from?: int, updated_before?: int}
     *
     * @throws InvalidOptionException
     */
    public static function of(InputInterface $input): array
    {
        $filter = ['limit' => self::count($input, 'limit', 10000) ?? 20];
        foreach (self::TEXTS as $option => $key) {
            $value = $input->getOption($option);
            if (\is_string($value)) {
                $filter[$key] = $value;
            }
        }
        foreach (self::TIMES as $option => $key) {
            $value = $input->getOption($option);
            if (\is_string($value)) {
                $filter[$key] = TimeOption::moment($option, $value);
            }
        }
        $statuses = self::texts($input, 'status');
        if ([] !== $statuses) {
            $filter['status'] = $statuses;
        }
        $labels = self::labels($input);
        if ([] !== $labels) {
            $filter['labels'] = $labels;
        }

        return $filter;
    }

    /** @return array<string, string> */
    public static function labels(InputInterface $input): array
    {
        $labels = [];
        foreach (self::texts($input, 'label') as $label) {
            [$name, $value] = explode('=', $label, 2) + [1 => null];
            if ('' === $name || null === $value) {
                throw new InvalidOptionException('The option "--label" must be name=value.');
            }
            $labels[$name] = $value;
        }

        return $labels;
    }

    /**
     * @param int<1, max> $max
     *
     * @return int<1, max>|null
     */
    public static function count(InputInterface $input, string $option, int $max): ?int
    {
        if (null === $input->getOption($option)) {
            return null;
        }
        $count = filter_var($input->getOption($option), \FILTER_VALIDATE_INT, ['options' => ['min_range' => 1, 'max_range' => $max]]);

        return \is_int($count) ? $count : throw new InvalidOptionException(\sprintf('The option "--%s" must be a whole number from 1 to %d.', $option, $max));
    }

    /** @return list<string> */
    private static function texts(InputInterface $input, string $option): array
    {
        $texts = $input->getOption($option);

        return \is_array($texts) ? array_values(array_filter($texts, is_string(...))) : [];
    }
}
