<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Handler;

use Ossa\SymfonyRuntime\Exception\LogicException;
use Ossa\SymfonyRuntime\Execution\StepExecutor;
use Ossa\SymfonyRuntime\Message\OssaStepMessage;
use Ossa\SymfonyRuntime\Stamp\ClaimedStepStamp;
use Symfony\Component\Messenger\Attribute\AsMessageHandler;
use Symfony\Component\Messenger\Envelope;

/** Runs the handlers of a claimed step. */
#[AsMessageHandler]
final readonly class OssaStepHandler
{
    public function __construct(private StepExecutor $executor)
    {
    }

    /**
     * @return array<array-key, mixed>|scalar|null the output of the step
     *
     * @throws \Throwable whatever a handler throws
     */
    public function __invoke(OssaStepMessage $message, ?Envelope $envelope = null): mixed
    {
        $claim = $envelope?->last(ClaimedStepStamp::class)->claim ?? throw new LogicException('A step message can only be handled by a bus with the middleware of this bundle.');

        return $this->executor->execute($claim);
    }
}
