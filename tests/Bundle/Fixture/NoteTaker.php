<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle\Fixture;

use Ossa\SymfonyRuntime\Attribute\AsCapability;
use Ossa\SymfonyRuntime\Context\OssaContext;
use Ossa\SymfonyRuntime\Context\OssaContextProvider;
use Ossa\SymfonyRuntime\Message\OssaTaskMessage;
use Symfony\Component\Messenger\MessageBusInterface;

/** Sends messages from within a step, and tells what it knows about itself. */
#[AsCapability('take_note')]
final readonly class NoteTaker
{
    public function __construct(private MessageBusInterface $bus, private OssaContextProvider $contexts)
    {
    }

    /** @return array<string, mixed> */
    public function __invoke(OssaContext $context, bool $start = false): array
    {
        $this->bus->dispatch($start ? new OssaTaskMessage('echo', ['value' => 1]) : new Note());

        return [
            'run' => $this->contexts->current()?->runId,
            'workflow' => $context->workflow,
            'attempt' => $context->attempt,
            'correlation' => $context->correlationId,
            'trace' => $context->traceparent,
            'has_effect_key' => null !== $context->effectKey,
            'deadline_ahead' => !$context->isOverdue(),
        ];
    }
}
