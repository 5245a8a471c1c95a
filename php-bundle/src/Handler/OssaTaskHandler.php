<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Handler;

use Ossa\SymfonyRuntime\Message\OssaTaskMessage;
use Symfony\Component\Messenger\Attribute\AsMessageHandler;
use Symfony\Component\Messenger\Envelope;

/** Starts the run of a task. */
#[AsMessageHandler]
final readonly class OssaTaskHandler
{
    public function __construct(private StartMessageHandler $handler)
    {
    }

    /** @return string the run's id */
    public function __invoke(OssaTaskMessage $message, ?Envelope $envelope = null): string
    {
        return $this->handler->start('Task', $message, $envelope);
    }
}
