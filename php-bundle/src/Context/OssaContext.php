<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Context;

use Ossa\Runtime\StepClaim;
use Ossa\SymfonyRuntime\Stamp\OssaContextStamp;

/**
 * The run and step on whose behalf code is running. A handler gets it by declaring a parameter of this type; any other
 * service asks {@see OssaContextProvider}.
 */
final readonly class OssaContext
{
    /**
     * @param string|null $effectKey   same for all attempts of this step of this run: hand it on as idempotency key;
     *                                 null outside of the step itself (in a message it sent)
     * @param string|null $causationId what led to this: for a message sent by a step, that attempt
     * @param int|null    $deadlineMs  milliseconds since the Unix epoch at which the attempt's time is up
     * @param int         $hops        how many messages of channels led to what is published now, one after the other
     */
    public function __construct(
        public string $runId,
        public string $workflow,
        public string $step,
        public int $attempt,
        public int $maxAttempts = 1,
        public ?string $effectKey = null,
        public ?string $correlationId = null,
        public ?string $causationId = null,
        public ?string $traceparent = null,
        public ?int $deadlineMs = null,
        public int $hops = 0,
    ) {
    }

    public static function ofClaim(StepClaim $claim): self
    {
        return new self(
            $claim->getRunId(),
            $claim->getWorkflow(),
            $claim->getStep(),
            $claim->getAttempt(),
            $claim->getMaxAttempts(),
            $claim->getEffectKey(),
            $claim->getCorrelationId(),
            null,
            $claim->getTraceparent(),
            $claim->getDeadlineMs(),
            $claim->getHops(),
        );
    }

    public static function ofStamp(OssaContextStamp $stamp): self
    {
        return new self(
            $stamp->runId,
            $stamp->workflow,
            $stamp->step,
            $stamp->attempt,
            correlationId: $stamp->correlationId,
            causationId: $stamp->causationId,
            traceparent: $stamp->traceparent,
            deadlineMs: $stamp->deadlineMs,
            hops: $stamp->hops,
        );
    }

    /** The stamp for a message sent on behalf of this attempt. */
    public function toStamp(): OssaContextStamp
    {
        return new OssaContextStamp(
            $this->runId,
            $this->workflow,
            $this->step,
            $this->attempt,
            $this->correlationId ?? $this->runId,
            \sprintf('%s/%s#%d', $this->runId, $this->step, $this->attempt),
            $this->traceparent,
            $this->deadlineMs,
            $this->hops,
        );
    }

    /** Whether the attempt's time is up: a result would come too late. */
    public function isOverdue(): bool
    {
        return null !== $this->deadlineMs && $this->deadlineMs <= (int) (microtime(true) * 1000);
    }
}
