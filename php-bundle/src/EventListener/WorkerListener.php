<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\EventListener;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\SymfonyRuntime\Relay\StepRelay;
use Ossa\SymfonyRuntime\Transport\WorkerTransports;
use Psr\Log\LoggerInterface;
use Symfony\Component\EventDispatcher\EventSubscriberInterface;
use Symfony\Component\Messenger\Event\WorkerMessageReceivedEvent;
use Symfony\Component\Messenger\Event\WorkerRunningEvent;
use Symfony\Component\Messenger\Event\WorkerStartedEvent;
use Symfony\Component\Messenger\Event\WorkerStoppedEvent;

/**
 * Drives the engine from Messenger's workers: fires what is due, and publishes what has become ready.
 */
final class WorkerListener implements EventSubscriberInterface
{
    /** How often a busy worker looks for items that another process made ready. */
    private const RELAY_EVERY_MS = 500;

    private float $tickAt = 0.0;
    private float $relayAt = 0.0;

    public function __construct(
        private readonly Engine $engine,
        private readonly StepRelay $relay,
        private readonly WorkerTransports $transports,
        private readonly ?LoggerInterface $logger = null,
    ) {
    }

    public static function getSubscribedEvents(): array
    {
        return [
            WorkerStartedEvent::class => 'onStarted',
            WorkerMessageReceivedEvent::class => 'onReceived',
            WorkerRunningEvent::class => 'onRunning',
            WorkerStoppedEvent::class => 'onStopped',
        ];
    }

    public function onStarted(WorkerStartedEvent $event): void
    {
        $names = $event->getWorker()->getMetadata()->getTransportNames();
        $this->transports->workerStarted(array_values($names));
        $this->warn();
    }

    public function onReceived(): void
    {
        $this->relay->messageReceived();
    }

    public function onRunning(WorkerRunningEvent $event): void
    {
        $this->transports->workerRan($event->isWorkerIdle());
        $now = hrtime(true) / 1e6;
        $drain = $this->relay->messageDone();
        try {
            if ($now >= $this->tickAt) {
                $this->tickAt = $now + max(10, $this->engine->tick());
            }
        } catch (EngineException $exception) {
            // The worker goes on: the messages at hand may need no store, and the next round tries again.
            $this->tickAt = $now + 1000;
            $this->logger?->error('What is due in the store could not be fired: {error}', ['error' => $exception->getMessage(), 'exception' => $exception]);
        }
        if ($drain || $now >= $this->relayAt) {
            $this->relayAt = $now + self::RELAY_EVERY_MS;
            $this->relay->drain();
        }
    }

    /** Tells at the start, where it is read, what the doctor would tell only when it is asked. */
    private function warn(): void
    {
        if (null === $this->logger) {
            return;
        }
        try {
            foreach ($this->engine->findings() as $finding) {
                $this->logger->warning('The store of the engine works but may break its promise: {found}: {risk}. What to do: {remedy}', $finding);
            }
        } catch (EngineException) {
            // That it is away is told when it is used.
        }
        foreach ($this->transports->findings() as $name => $finding) {
            $this->logger->warning('The transport "{transport}" works but may break its promise: {found}: {risk}. What to do: {remedy}', ['transport' => $name] + $finding);
        }
    }

    public function onStopped(): void
    {
        $this->relay->messageDone();
        $this->transports->workerStopped();
    }
}
