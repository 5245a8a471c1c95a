<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Run;
use Ossa\Runtime\StartedRun;
use Ossa\SymfonyRuntime\Relay\StepRelay;

/**
 * Starts and steers runs from application code, and sees to it that what becomes due reaches the workers.
 *
 * What only reads is on {@see Engine}, which can be injected as well.
 *
 * @phpstan-type StartOptions array{kind?: 'Task'|'Workflow', idempotency_key?: string, correlation_id?: string, labels?: array<string, string>, traceparent?: string, priority?: string, trigger?: array<string, mixed>}
 */
final readonly class OssaRuntime
{
    public function __construct(
        private Engine $engine,
        private StepRelay $relay,
    ) {
    }

    /**
     * Starts a run. It is durable when this returns; workers do the rest.
     *
     * @param string               $reference name, path below a manifest path, or `ossa://` URI
     * @param array<string, mixed> $input
     * @param StartOptions         $options
     *
     * @throws \Ossa\Runtime\Exception\ManifestException when the manifest is missing, invalid, or cannot be run
     * @throws \Ossa\Runtime\Exception\InputException    when the input breaks the schema
     * @throws \Ossa\Runtime\Exception\StoreException
     */
    public function start(string $reference, array $input = [], array $options = []): StartedRun
    {
        $run = $this->engine->start($reference, $input, $options);
        $this->relay->afterEngineCall();

        return $run;
    }

    /**
     * @param array<string, mixed> $input
     * @param StartOptions         $options
     */
    public function startTask(string $reference, array $input = [], array $options = []): StartedRun
    {
        return $this->start($reference, $input, ['kind' => 'Task'] + $options);
    }

    /**
     * @param array<string, mixed> $input
     * @param StartOptions         $options
     */
    public function startWorkflow(string $reference, array $input = [], array $options = []): StartedRun
    {
        return $this->start($reference, $input, ['kind' => 'Workflow'] + $options);
    }

    /** The run as it stands now, with its steps and timeline. */
    public function run(string $runId): ?Run
    {
        return $this->engine->run($runId);
    }

    /** @throws \Ossa\Runtime\Exception\EngineException when the run is unknown */
    public function cancel(string $runId, string $reason = ''): void
    {
        $this->engine->cancel($runId, $reason);
    }

    /**
     * Tries a failed step again, beyond its policy; a run that failed goes on.
     *
     * @throws \Ossa\Runtime\Exception\EngineException when the run or step is unknown, or the step has not failed
     */
    public function retryStep(string $runId, string $step): void
    {
        $this->engine->retryStep($runId, $step);
        $this->relay->afterEngineCall();
    }

    /**
     * Answers a step that waits for a person: the form of a human task, or "approve" or "reject".
     *
     * @param string $by one person; whether that person may answer is for the caller to know
     *
     * @return string the run's status after it
     *
     * @throws \Ossa\Runtime\Exception\EngineException when the step does not wait for this answer any more, or it does not fit its form
     */
    public function decide(string $runId, string $step, mixed $decision, string $by, string $comment = ''): string
    {
        $status = $this->engine->operator($by)->decide($runId, $step, $decision, $comment);
        $this->relay->afterEngineCall();

        return $status;
    }

    /**
     * Sends an event to a run: it answers every step that waits for it, or is kept for the next one that will.
     *
     * @param array<string, mixed> $payload
     *
     * @return string the run's status after it
     *
     * @throws \Ossa\Runtime\Exception\EngineException when the run is unknown or takes no such event
     */
    public function signal(string $runId, string $name, array $payload = []): string
    {
        $status = $this->engine->signal($runId, $name, $payload);
        $this->relay->afterEngineCall();

        return $status;
    }
}
