<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Console;

use Ossa\Runtime\Run;
use Ossa\Runtime\RunSummary;

/**
 * Runs as plain data, for `--format=json`. The names of the keys are stable.
 *
 * @internal
 */
final class RunData
{
    /** @return array<string, mixed> */
    public static function ofRun(Run $run): array
    {
        return [
            'id' => $run->getId(),
            'workflow' => $run->getWorkflow(),
            'status' => $run->getStatus(),
            'progress' => $run->getProgress(),
            'correlation_id' => $run->getCorrelationId(),
            'parent' => $run->getParent(),
            'concurrency_group' => $run->getConcurrencyGroup(),
            'labels' => (object) $run->getLabels(),
            'created_at' => self::date($run->getCreatedAt()),
            'ended_at' => self::date($run->getEndedAt()),
            'input' => $run->getInput(),
            'output' => $run->getOutput(),
            'error' => $run->getError(),
            'variables' => (object) $run->getVariables(),
            'steps' => $run->getSteps(),
            'events' => $run->getEvents(),
        ];
    }

    /** @return array<string, mixed> */
    public static function ofSummary(RunSummary $run): array
    {
        return [
            'id' => $run->getId(),
            'workflow' => $run->getWorkflow(),
            'status' => $run->getStatus(),
            'progress' => $run->getProgress(),
            'current_step' => $run->getCurrentStep(),
            'error' => $run->getError(),
            'correlation_id' => $run->getCorrelationId(),
            'labels' => (object) $run->getLabels(),
            'created_at' => self::date($run->getCreatedAt()),
            'updated_at' => self::date($run->getUpdatedAt()),
            'ended_at' => self::date($run->getEndedAt()),
        ];
    }

    private static function date(?\DateTimeImmutable $date): ?string
    {
        return $date?->format(\DATE_RFC3339_EXTENDED);
    }
}
