<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Handler;

use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\SymfonyRuntime\Context\OssaContextProvider;
use Ossa\SymfonyRuntime\Message\StartMessage;
use Ossa\SymfonyRuntime\OssaRuntime;
use Symfony\Component\Messenger\Envelope;

/**
 * Starts the run a message asks for.
 *
 * @internal
 */
final readonly class StartMessageHandler
{
    public function __construct(
        private OssaRuntime $runtime,
        private OssaContextProvider $contexts,
    ) {
    }

    /**
     * @param 'Task'|'Workflow' $kind
     *
     * @return string the run's id
     *
     * @throws \Throwable when no repetition would start it: an unknown or invalid manifest, input that breaks its schema
     */
    public function start(string $kind, StartMessage $message, ?Envelope $envelope): string
    {
        $context = $this->contexts->current();
        try {
            return $this->runtime->start($message->getManifest(), $message->getInput(), array_filter([
                'kind' => $kind,
                'idempotency_key' => $message->getIdempotencyKey(),
                'correlation_id' => $message->getCorrelationId() ?? $context?->correlationId,
                'priority' => $message->getPriority(),
                'traceparent' => $message->getTraceparent() ?? $context?->traceparent,
            ], static fn (?string $value): bool => null !== $value))->getId();
        } catch (EngineException $exception) {
            throw $exception->isRetryable() ? $exception : FinalFailure::because(\sprintf('%s "%s" cannot be started: %s', $kind, $message->getManifest(), $exception->getMessage()), $exception, $envelope);
        }
    }
}
