<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Relay;

use Ossa\Runtime\Engine;
use Ossa\Runtime\StepDispatch;
use Ossa\SymfonyRuntime\EngineFactory;
use Ossa\SymfonyRuntime\Message\OssaStepMessage;
use Ossa\SymfonyRuntime\Stamp\OssaContextStamp;
use Ossa\SymfonyRuntime\Stamp\PriorityStamp;
use Psr\Log\LoggerInterface;
use Symfony\Component\Messenger\MessageBusInterface;
use Symfony\Component\Messenger\Stamp\DelayStamp;
use Symfony\Component\Messenger\Stamp\StampInterface;
use Symfony\Component\Messenger\Stamp\TransportNamesStamp;

/**
 * Publishes the engine's step items on a Messenger transport that is not the engine's own. It may send one twice; the
 * engine's claim sees to it that it runs once.
 *
 * Does nothing when the transport is `ossa://`: workers then read the items from the engine's queue themselves.
 */
final class StepRelay
{
    private const BATCH = 100;

    private bool $draining = false;
    /** Whether something may have become due while a worker's message was being handled. */
    private bool $wanted = false;
    private bool $handling = false;

    public function __construct(
        private readonly Engine $engine,
        private readonly MessageBusInterface $bus,
        private readonly EngineFactory $configuration,
        private readonly string $transport,
        private readonly ?LoggerInterface $logger = null,
    ) {
    }

    /**
     * Publishes what the call to the engine just made may have dispatched: at once, or, while a worker handles a
     * message, after that. A transaction around the handler could otherwise undo the sending of what is confirmed here.
     */
    public function afterEngineCall(): void
    {
        if ($this->handling) {
            $this->wanted = true;

            return;
        }
        $this->drain();
    }

    public function messageReceived(): void
    {
        $this->handling = true;
    }

    /** @return bool whether {@see drain()} is due */
    public function messageDone(): bool
    {
        $this->handling = false;
        $wanted = $this->wanted;
        $this->wanted = false;

        return $wanted;
    }

    /**
     * Publishes all items that are due. Never throws: what cannot be sent, or its sending not be confirmed, stays with
     * the engine and comes again.
     */
    public function drain(): void
    {
        // Handling a message may lead here again, when the transport handles it at once.
        if ($this->draining || $this->configuration->isNative()) {
            return;
        }
        $this->draining = true;
        try {
            do {
                $dispatches = $this->engine->relay(self::BATCH);
                $this->send($dispatches);
            } while (self::BATCH === \count($dispatches));
        } catch (\Throwable $throwable) {
            $this->logger?->error('Step messages could not be sent to the transport "{transport}"; they stay in the store and are sent again. {error}', ['transport' => $this->transport, 'error' => $throwable->getMessage(), 'exception' => $throwable]);
        } finally {
            $this->draining = false;
        }
    }

    /** @param list<StepDispatch> $dispatches */
    private function send(array $dispatches): void
    {
        $sent = 0;
        try {
            foreach ($dispatches as $dispatch) {
                $this->bus->dispatch(self::message($dispatch), $this->stamps($dispatch));
                ++$sent;
            }
        } finally {
            $this->engine->relayed(\array_slice($dispatches, 0, $sent));
            $this->engine->notRelayed(\array_slice($dispatches, $sent));
        }
    }

    private static function message(StepDispatch $dispatch): OssaStepMessage
    {
        return new OssaStepMessage($dispatch->getToken(), $dispatch->getRunId(), $dispatch->getWorkflow(), $dispatch->getStep(), $dispatch->getAttempt());
    }

    /** @return list<StampInterface> */
    private function stamps(StepDispatch $dispatch): array
    {
        $stamps = [
            new TransportNamesStamp([$this->transport]),
            new OssaContextStamp(
                $dispatch->getRunId(),
                $dispatch->getWorkflow(),
                $dispatch->getStep(),
                $dispatch->getAttempt(),
                $dispatch->getCorrelationId(),
                null,
                $dispatch->getTraceparent(),
            ),
            new PriorityStamp($dispatch->getPriority()),
        ];
        if ($dispatch->getDelayMs() > 0) {
            $stamps[] = new DelayStamp($dispatch->getDelayMs());
        }

        return $stamps;
    }
}
