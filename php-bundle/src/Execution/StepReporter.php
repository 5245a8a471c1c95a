<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Execution;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\Runtime\StepClaim;
use Ossa\Runtime\StepReport;
use Ossa\SymfonyRuntime\Exception\HandlerException;

/** Tells the engine how an attempt ended, more than once when the store is out of reach for a moment. */
final readonly class StepReporter
{
    /** Waits before each repetition. The store has its own patience with locks; this is for what lasts longer. */
    private const WAITS_MS = [50, 200, 750];

    public function __construct(private Engine $engine)
    {
    }

    /**
     * @param mixed $output what the engine cannot take makes the attempt fail
     *
     * @throws EngineException when the engine cannot be told
     */
    public function completed(StepClaim $claim, mixed $output): StepReport
    {
        try {
            return $this->insist(fn (): StepReport => $this->engine->complete($claim->getToken(), $output));
        } catch (EngineException $exception) {
            return $exception->isRetryable() ? throw $exception : $this->failed($claim, HandlerException::invalidOutput(\sprintf('The output was not taken: %s', $exception->getMessage()), $exception));
        }
    }

    /** @throws EngineException when the engine cannot be told */
    public function failed(StepClaim $claim, \Throwable $failure): StepReport
    {
        $error = ErrorMapper::map($failure);

        return $this->insist(fn (): StepReport => $this->engine->fail($claim->getToken(), $error));
    }

    /** @param \Closure(): StepReport $report */
    private function insist(\Closure $report): StepReport
    {
        foreach (self::WAITS_MS as $wait) {
            try {
                return $report();
            } catch (EngineException $exception) {
                if (!$exception->isRetryable()) {
                    throw $exception;
                }
                usleep($wait * 1000);
            }
        }

        return $report();
    }
}
