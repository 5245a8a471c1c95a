<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Transaction;

use Doctrine\DBAL\Connection;
use Doctrine\DBAL\Exception\UniqueConstraintViolationException;
use Doctrine\Persistence\ConnectionRegistry;
use Ossa\Runtime\Engine;
use Ossa\Runtime\StepClaim;
use Ossa\Runtime\StepReport;
use Ossa\SymfonyRuntime\EngineFactory;
use Ossa\SymfonyRuntime\Exception\LogicException;

/**
 * Runs the handlers of a task with `execution.type: transactional` in one transaction of the application's database,
 * together with the record of their output.
 *
 * What they wrote there happens exactly once, whatever dies: before the commit nothing has happened, after it the record
 * is found by the next attempt, which reports the output instead of calling the handlers again. Where runs are kept on the
 * same connection no record is needed: the output is reported in the transaction itself.
 *
 * @internal
 */
final class TransactionalSteps
{
    private const TRANSACTIONAL = 'transactional';

    private ?StepInbox $inbox = null;
    /** @var array{string, StepReport}|null the token of the attempt reported last, and what came of it */
    private ?array $reported = null;

    /** @param ConnectionRegistry|null $connections null where the application has no Doctrine */
    public function __construct(
        private readonly Engine $engine,
        private readonly ?ConnectionRegistry $connections,
        private readonly ?string $connectionName,
        private readonly string $table,
        private readonly bool $autoSetup,
        private readonly EngineFactory $configuration,
    ) {
    }

    public function covers(StepClaim $claim): bool
    {
        return null !== $this->connections && self::TRANSACTIONAL === $claim->getExecution();
    }

    /** What came of the attempt, if its output was reported together with what its handlers wrote. */
    public function takeReport(StepClaim $claim): ?StepReport
    {
        $reported = $this->reported;
        $this->reported = null;

        return $claim->getToken() === ($reported[0] ?? null) ? $reported[1] : null;
    }

    /**
     * @param \Closure(): mixed $handlers call the handlers and give the output
     *
     * @throws \Throwable whatever a handler throws; nothing was written then
     */
    public function run(StepClaim $claim, \Closure $handlers): mixed
    {
        $connection = $this->connection();
        if ($this->configuration->keepsRunsOn($connection)) {
            return $this->runAndReport($connection, $claim, $handlers);
        }
        $inbox = $this->inbox($connection);
        $key = $claim->getEffectKey();
        if (null !== $recorded = $inbox->find($key)) {
            return $recorded->value;
        }
        try {
            return $connection->transactional(function () use ($claim, $handlers, $inbox, $key): mixed {
                $output = $handlers();
                if (null !== $refusal = $this->engine->checkOutput($claim->getToken(), $output)) {
                    throw new OutputRefusedException($refusal, $output);
                }
                $inbox->record($key, $output);

                return $output;
            });
        } catch (OutputRefusedException $exception) {
            // Undone. Reported all the same: the engine refuses it again, and says why in the run.
            return $exception->output;
        } catch (UniqueConstraintViolationException $exception) {
            // Perhaps a handler's own; otherwise an attempt that was given up came to its end first.
            return ($inbox->find($key) ?? throw $exception)->value;
        }
    }

    /** @param \Closure(): mixed $handlers */
    private function runAndReport(Connection $connection, StepClaim $claim, \Closure $handlers): mixed
    {
        $this->reported = null;
        try {
            return $connection->transactional(function () use ($claim, $handlers): mixed {
                $output = $handlers();
                if (null !== $refusal = $this->engine->checkOutput($claim->getToken(), $output)) {
                    throw new OutputRefusedException($refusal, $output);
                }
                $report = $this->engine->complete($claim->getToken(), $output);
                if ('recorded' !== $report->getStatus()) {
                    throw new OutputRefusedException('the attempt was given up meanwhile', $output);
                }
                $this->reported = [$claim->getToken(), $report];

                return $output;
            });
        } catch (OutputRefusedException $exception) {
            // Undone. Reported all the same: the engine refuses it again, and says why in the run.
            return $exception->output;
        }
    }

    /**
     * Removes what is recorded of runs that are no longer kept.
     *
     * @param list<string> $runs
     */
    public function forget(array $runs): void
    {
        if (null !== $this->connections && [] !== $runs) {
            $this->inbox($this->connection())->forget($runs);
        }
    }

    private function inbox(Connection $connection): StepInbox
    {
        return $this->inbox ??= new StepInbox($connection, $this->table, $this->autoSetup);
    }

    private function connection(): Connection
    {
        $connection = $this->connections?->getConnection($this->connectionName);

        return $connection instanceof Connection ? $connection : throw new LogicException('"ossa.transactions.connection" must name a connection of Doctrine DBAL.');
    }
}
