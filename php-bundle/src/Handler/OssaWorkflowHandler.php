<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Handler;

use Ossa\SymfonyRuntime\Message\OssaWorkflowMessage;
use Symfony\Component\Messenger\Attribute\AsMessageHandler;
use Symfony\Component\Messenger\Envelope;

/** Starts the run of a workflow. */
#[AsMessageHandler]
final readonly class OssaWorkflowHandler
{
    public function __construct(private StartMessageHandler $handler)
    {
    }

    /** @return string the run's id */
    public function __invoke(OssaWorkflowMessage $message, ?Envelope $envelope = null): string
    {
        return $this->handler->start('Workflow', $message, $envelope);
    }
}
