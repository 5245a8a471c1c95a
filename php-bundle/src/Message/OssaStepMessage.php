<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Message;

/**
 * Runs one attempt of one step. Sent by the bundle.
 *
 * The token alone decides; the other values are for people who read a queue.
 */
final readonly class OssaStepMessage
{
    public function __construct(
        private string $token,
        private string $runId = '',
        private string $workflow = '',
        private string $step = '',
        private int $attempt = 1,
    ) {
    }

    public function getToken(): string
    {
        return $this->token;
    }

    public function getRunId(): string
    {
        return $this->runId;
    }

    public function getWorkflow(): string
    {
        return $this->workflow;
    }

    public function getStep(): string
    {
        return $this->step;
    }

    public function getAttempt(): int
    {
        return $this->attempt;
    }
}
