<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Transaction;

use Doctrine\DBAL\Connection;
use Doctrine\DBAL\Exception\UniqueConstraintViolationException;
use Doctrine\Persistence\ConnectionRegistry;
use Ossa\Runtime\Engine;
use Ossa\Runtime\StepClaim;
use Ossa\SymfonyRuntime\Exception\LogicException;

/**
 * Runs the handlers of a task with `execution.type: transactional` in one transaction of the application's database,
 * together with the record of their output.
 *
 * What they wrote there happens exactly once, whatever dies: before the commit nothing has happened, after it the record
 * is found by the next attempt, which reports the output instead of calling the handlers again.
 *
 * @internal
 */
final class TransactionalSteps
{
    private const TRANSACTIONAL = 'transactional';

    private ?StepInbox $inbox = null;

    /** @param ConnectionRegistry|null $connections null where the application has no Doctrine */
    public function __construct(
        private readonly Engine $engine,
        private readonly ?ConnectionRegistry $connections,
        private readonly ?string $connectionName,
        private readonly string $table,
        private readonly bool $autoSetup,
    ) {
    }

    public function covers(StepClaim $claim): bool
    {
        return null !== $this->connections && self::TRANSACTIONAL === $claim->getExecution();
    }

    /**
     * @param \Closure(): mixed $handlers call the handlers and give the output
     *
     * @throws \Throwable whatever a handler throws; nothing was written then
     */
    public function run(StepClaim $claim, \Closure $handlers): mixed
    {
        $connection = $this->connection();
        $inbox = $this->inbox ??= new StepInbox($connection, $this->table, $this->autoSetup);
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

    private function connection(): Connection
    {
        $connection = $this->connections?->getConnection($this->connectionName);

        return $connection instanceof Connection ? $connection : throw new LogicException('"ossa.transactions.connection" must name a connection of Doctrine DBAL.');
    }
}
