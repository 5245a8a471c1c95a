<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Execution;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\Runtime\StepClaim;
use Ossa\Runtime\StepReport;
use Ossa\SymfonyRuntime\Context\OssaContext;
use Ossa\SymfonyRuntime\Context\OssaContextProvider;
use Ossa\SymfonyRuntime\EngineFactory;
use Ossa\SymfonyRuntime\Exception\LogicException;
use Ossa\SymfonyRuntime\Exception\StepRetryException;
use Ossa\SymfonyRuntime\Handler\FinalFailure;
use Ossa\SymfonyRuntime\Handler\OssaStepHandler;
use Ossa\SymfonyRuntime\Message\OssaStepMessage;
use Ossa\SymfonyRuntime\Relay\StepRelay;
use Ossa\SymfonyRuntime\Stamp\ClaimedStepStamp;
use Ossa\SymfonyRuntime\Transaction\TransactionalSteps;
use Ossa\SymfonyRuntime\Transport\ReceivedFromQueueStamp;
use Psr\Log\LoggerInterface;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Exception\RejectRedeliveredMessageException;
use Symfony\Component\Messenger\Stamp\HandledStamp;

/**
 * One attempt of one step: claimed, handled by the bus, reported.
 *
 * What becomes of the message follows from what becomes of the step: it is done (the message is acknowledged), it is
 * tried again (Messenger redelivers the message after the manifest's delay, or, on an `ossa://` transport, the engine
 * has put a new item into its queue), or it failed for good (the message goes to the failure transport).
 */
final readonly class StepAttempt
{
    public function __construct(
        private Engine $engine,
        private StepReporter $reporter,
        private AttemptInFlight $inFlight,
        private OssaContextProvider $contexts,
        private StepRelay $relay,
        private EngineFactory $configuration,
        private TransactionalSteps $transactions,
        private ?LoggerInterface $logger = null,
    ) {
    }

    /**
     * @param \Closure(Envelope): Envelope $handle has the rest of the bus handle the message
     *
     * @throws \Throwable what tells Messenger to deliver the message again, or to send it to the failure transport
     */
    public function run(OssaStepMessage $message, Envelope $envelope, \Closure $handle): Envelope
    {
        try {
            $claim = $this->claim($message->getToken(), $envelope);
        } catch (EngineException $exception) {
            return $this->endWithoutReport($envelope, 'The step message cannot be run', $exception);
        }
        if (null === $claim) {
            return $envelope;
        }
        $handled = $this->handle($claim, $envelope, $handle);
        $failure = $handled instanceof \Throwable ? $handled : null;
        try {
            $report = $handled instanceof \Throwable
                ? $this->reporter->failed($claim, $handled)
                : $this->transactions->takeReport($claim) ?? $this->reporter->completed($claim, self::outputOf($handled));
        } catch (EngineException $exception) {
            if ($exception->isRetryable()) {
                $this->giveBack($claim, $envelope);
            }

            return $this->endWithoutReport($envelope, \sprintf('The result of step "%s" of run %s cannot be recorded', $claim->getStep(), $claim->getRunId()), $exception);
        }
        $this->relay->afterEngineCall();
        $this->conclude($claim, $report, null === $failure ? null : ErrorMapper::cause($failure), $envelope);

        return $handled instanceof Envelope ? $handled : $envelope;
    }

    private function claim(string $token, Envelope $envelope): ?StepClaim
    {
        $claim = $this->engine->claim($token);
        if (null !== $claim) {
            return $claim;
        }
        $byHand = FinalFailure::isRetryByHand($envelope);
        if (!$byHand && $this->configuration->isNative()) {
            return null;
        }
        $step = $this->engine->describe($token);
        if ($byHand && 'failed' === $step['step_status']) {
            // A message from the failure transport stands for a step that failed: give it one more attempt.
            return $this->engine->claim($this->engine->retryStep($step['run'], $step['step']));
        }
        if (!$this->configuration->isNative() && null !== $step['retry_due']) {
            $this->waitUntil($step['retry_due'], $step['step'], $step['run']);
        }

        return null;
    }

    /**
     * A message that came before its retry is due, as when it was delivered twice or another clock is ahead, may be the
     * only one there is: acknowledged, the retry would be late by the time the engine waits for a lost message.
     *
     * @throws StepRetryException
     */
    private function waitUntil(int $due, string $step, string $run): void
    {
        $delay = $due - (int) floor(1000 * microtime(true));
        if ($delay > 0) {
            throw new StepRetryException(\sprintf('The next attempt of step "%s" of run %s is due in %d ms.', $step, $run, $delay), $delay);
        }
    }

    /**
     * @param \Closure(Envelope): Envelope $handle
     *
     * @return Envelope|\Throwable the handled message, or why the attempt failed
     */
    private function handle(StepClaim $claim, Envelope $envelope, \Closure $handle): Envelope|\Throwable
    {
        // No earlier handling counts, whatever the message says: this is a new attempt.
        $claimed = $envelope->withoutAll(HandledStamp::class)->with(new ClaimedStepStamp($claim));
        try {
            $handled = $this->contexts->within(
                OssaContext::ofClaim($claim),
                fn (): Envelope => $this->inFlight->during($claim->getToken(), static fn (): Envelope => $handle($claimed)),
            );
        } catch (RejectRedeliveredMessageException $exception) {
            // Not run: AMQP brought a message again, and Messenger wants to see it once more as a retry.
            $this->giveBack($claim, $envelope);

            throw $exception;
        } catch (\Throwable $failure) {
            return $failure;
        }

        return null === self::resultOf($handled)
            ? new LogicException('The handler of the step was not called: a middleware of the bus ended the handling of its message.')
            : $handled;
    }

    private static function resultOf(Envelope $handled): ?HandledStamp
    {
        foreach ($handled->all(HandledStamp::class) as $stamp) {
            if (str_starts_with($stamp->getHandlerName(), OssaStepHandler::class.'::')) {
                return $stamp;
            }
        }

        return null;
    }

    private static function outputOf(Envelope $handled): mixed
    {
        return self::resultOf($handled)?->getResult();
    }

    /** Lets the message that Messenger will deliver again be claimed at once. */
    private function giveBack(StepClaim $claim, Envelope $envelope): void
    {
        if (self::isOfTheEngine($envelope)) {
            return;
        }
        try {
            $this->engine->giveBack($claim->getToken());
        } catch (EngineException) {
            // The lease runs out, or the attempt's time.
        }
    }

    /**
     * The item of a step in the engine's own queue is not Messenger's to send again: acknowledged without a result, its
     * attempt counts as failed, and the manifest's policy decides.
     */
    private function endWithoutReport(Envelope $envelope, string $what, EngineException $exception): Envelope
    {
        if (!self::isOfTheEngine($envelope)) {
            throw $exception->isRetryable() ? $exception : FinalFailure::because(\sprintf('%s: %s', $what, $exception->getMessage()), $exception, $envelope);
        }
        $this->logger?->error('{what}: {error}', ['what' => $what, 'error' => $exception->getMessage(), 'exception' => $exception]);

        return $envelope;
    }

    private static function isOfTheEngine(Envelope $envelope): bool
    {
        return null !== $envelope->last(ReceivedFromQueueStamp::class)?->token;
    }

    private function conclude(StepClaim $claim, StepReport $report, ?\Throwable $failure, Envelope $envelope): void
    {
        if ('recorded' !== $report->getStatus()) {
            // Another result of this attempt counts, or its time was up: nothing that Messenger could mend.
            $this->logger?->warning('The result of step "{step}" of run {run} came too late and was not used ({status}).', $this->logContext($claim) + ['status' => $report->getStatus()]);

            return;
        }
        if ('handled' === $report->getNext()) {
            if (null !== $failure) {
                $this->logger?->warning('Step "{step}" of run {run} failed; the run goes on. {error}', $this->logContext($claim, $failure));
            }

            return;
        }
        $what = \sprintf('Step "%s" of run %s (%s)', $claim->getStep(), $claim->getRunId(), $claim->getWorkflow());
        $why = null !== $failure ? \sprintf('%s: %s', $failure::class, $failure->getMessage()) : $this->recordedError($claim);
        if ('retry' === $report->getNext()) {
            $delay = $report->getRetryDelayMs() ?? 0;
            $text = \sprintf('%s failed in attempt %d of %d and is tried again in %d ms: %s', $what, $claim->getAttempt(), $claim->getMaxAttempts(), $delay, $why);
            if (!$this->configuration->isNative()) {
                throw new StepRetryException($text, $delay, $failure);
            }
            $this->logger?->warning($text, $this->logContext($claim, $failure));

            return;
        }

        throw FinalFailure::because(\sprintf('%s failed in attempt %d: %s', $what, $claim->getAttempt(), $why), $failure, $envelope);
    }

    /** The error of an attempt whose handler returned, but whose output was refused. */
    private function recordedError(StepClaim $claim): string
    {
        try {
            foreach ($this->engine->run($claim->getRunId())?->getSteps() ?? [] as $step) {
                if ($step['id'] === $claim->getStep() && null !== $step['error']) {
                    return \sprintf('%s: %s', $step['error']['code'], $step['error']['message']);
                }
            }
        } catch (EngineException) {
            // It is recorded; only this text goes without it.
        }

        return 'its output was refused';
    }

    /** @return array<string, mixed> */
    private function logContext(StepClaim $claim, ?\Throwable $failure = null): array
    {
        return [
            'run' => $claim->getRunId(),
            'workflow' => $claim->getWorkflow(),
            'step' => $claim->getStep(),
            'attempt' => $claim->getAttempt(),
            'correlation_id' => $claim->getCorrelationId(),
        ] + (null === $failure ? [] : ['error' => $failure->getMessage(), 'exception' => $failure]);
    }
}
