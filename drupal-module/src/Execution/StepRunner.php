<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Execution;

use Drupal\Core\Queue\SuspendQueueException;
use Drupal\Core\Session\AccountSwitcherInterface;
use Drupal\ossa_eca\Engine\EngineProvider;
use Drupal\ossa_eca\Engine\EngineUnavailableException;
use Drupal\ossa_eca\Pulse;
use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\EngineException as RunException;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\Runtime\Exception\TokenException;
use Ossa\Runtime\StepClaim;
use Ossa\Runtime\StepReport;
use Psr\Log\LoggerInterface;
use Symfony\Component\DependencyInjection\Attribute\Autowire;

/**
 * Runs one attempt of one step: claims it, carries it out, reports.
 *
 * A capability that throws never leaves the item in Drupal's queue: the engine
 * decides what comes next. Only a store that is out of reach does.
 */
final readonly class StepRunner {

  /**
   * Waits in milliseconds before a report is made again.
   */
  private const WAITS = [50, 200, 750];

  public function __construct(
    private EngineProvider $engines,
    private CapabilityRegistry $capabilities,
    private ExecutionAccount $accounts,
    private AccountSwitcherInterface $switcher,
    private TransactionalStep $transactional,
    private Pulse $pulse,
    #[Autowire(service: 'logger.channel.ossa_eca')]
    private LoggerInterface $logger,
  ) {}

  /**
   * Runs the step that a token names, in a queue worker.
   *
   * @param string $token
   *   The token.
   *
   * @throws \Drupal\Core\Queue\SuspendQueueException
   *   When the store is out of reach, or the engine cannot be used at all.
   */
  public function run(string $token): void {
    try {
      $report = $this->attempt($this->engines->engine(), $token);
    }
    catch (TokenException | RunException $exception) {
      $this->logger->error('A step in the queue cannot be run and was removed: @error @help', [
        '@error' => $exception->getMessage(),
        '@help' => (string) $exception->getHelp(),
        'exception' => $exception,
      ]);
      return;
    }
    catch (EngineUnavailableException | EngineException $exception) {
      throw new SuspendQueueException(sprintf('Steps cannot be run now, they stay in the queue: %s', $exception->getMessage()), 0, $exception);
    }
    $this->pulse->afterStep($report?->getRunStatus());
  }

  /**
   * Runs the attempt that a token names, if it is still to be run.
   *
   * @param \Ossa\Runtime\Engine $engine
   *   The engine.
   * @param string $token
   *   The token.
   *
   * @return \Ossa\Runtime\StepReport|null
   *   What became of it; NULL when there was nothing to do.
   *
   * @throws \Ossa\Runtime\Exception\ExceptionInterface
   *   When the engine cannot be told.
   */
  public function attempt(Engine $engine, string $token): ?StepReport {
    $claim = $engine->claim($token);
    if ($claim === NULL) {
      return NULL;
    }
    $account = $this->accounts->of($claim);
    $this->switcher->switchTo($account);
    $context = StepContext::of($claim, $account, static fn (): bool => $engine->heartbeat($claim->getToken()));
    $report = $output = NULL;
    try {
      if ($this->transactional->covers($claim)) {
        $report = $this->transactional->run($engine, $claim, fn (): mixed => $this->carryOut($claim, $context));
      }
      else {
        $output = $this->carryOut($claim, $context);
      }
    }
    catch (\Throwable $failure) {
    }
    finally {
      $this->switcher->switchBack();
    }
    $report ??= isset($failure) ? $this->fail($engine, $claim, $failure) : $this->complete($engine, $claim, $output);
    $this->tell($claim, $report, $failure ?? NULL);
    return $report;
  }

  /**
   * Calls what carries out a step, each with the outputs of those before it.
   *
   * @param \Ossa\Runtime\StepClaim $claim
   *   The step.
   * @param \Drupal\ossa_eca\Execution\StepContext $context
   *   What it is told.
   *
   * @return mixed
   *   The output.
   */
  private function carryOut(StepClaim $claim, StepContext $context): mixed {
    $input = $claim->getInput();
    $input = is_array($input) ? $input : ['value' => $input];
    $merged = NULL;
    foreach ($this->capabilities->of($claim) as $call) {
      $output = StepOutput::plain($call(is_array($merged) ? $merged + $input : $input, $context));
      $merged = is_array($merged) && is_array($output) ? $output + $merged : $output;
    }
    return $merged;
  }

  /**
   * Reports an output.
   *
   * @param \Ossa\Runtime\Engine $engine
   *   The engine.
   * @param \Ossa\Runtime\StepClaim $claim
   *   The step.
   * @param mixed $output
   *   The output.
   */
  private function complete(Engine $engine, StepClaim $claim, mixed $output): StepReport {
    try {
      return $this->insist(static fn (): StepReport => $engine->complete($claim->getToken(), $output));
    }
    catch (EngineException $exception) {
      if ($exception->isRetryable()) {
        throw $exception;
      }
      return $this->fail($engine, $claim, StepFailure::permanent('BAD_OUTPUT', 'The output was not taken: ' . $exception->getMessage(), $exception));
    }
  }

  /**
   * Reports a failure.
   *
   * @param \Ossa\Runtime\Engine $engine
   *   The engine.
   * @param \Ossa\Runtime\StepClaim $claim
   *   The step.
   * @param \Throwable $failure
   *   What was thrown.
   */
  private function fail(Engine $engine, StepClaim $claim, \Throwable $failure): StepReport {
    $error = StepFailure::describe($failure);
    return $this->insist(static fn (): StepReport => $engine->fail($claim->getToken(), $error));
  }

  /**
   * Reports again when the store is out of reach for a moment.
   *
   * @param \Closure(): \Ossa\Runtime\StepReport $report
   *   Reports.
   */
  private function insist(\Closure $report): StepReport {
    foreach (self::WAITS as $wait) {
      try {
        return $report();
      }
      catch (EngineException $exception) {
        if (!$exception->isRetryable()) {
          throw $exception;
        }
        usleep($wait * 1000);
      }
    }
    return $report();
  }

  /**
   * Logs what went wrong.
   *
   * @param \Ossa\Runtime\StepClaim $claim
   *   The step.
   * @param \Ossa\Runtime\StepReport $report
   *   What became of it.
   * @param \Throwable|null $failure
   *   What was thrown.
   */
  private function tell(StepClaim $claim, StepReport $report, ?\Throwable $failure): void {
    $context = [
      '@step' => $claim->getStep(),
      '@workflow' => $claim->getWorkflow(),
      '@run' => $claim->getRunId(),
      '@attempt' => $claim->getAttempt(),
      '@attempts' => $claim->getMaxAttempts(),
      '@error' => $failure?->getMessage() ?? 'its output breaks the schema of the step',
      '@delay' => $report->getRetryDelayMs() ?? 0,
      '@status' => $report->getStatus(),
    ] + ($failure === NULL ? [] : ['exception' => $failure]);
    if ($report->getStatus() !== 'recorded') {
      $this->logger->notice('The result of attempt @attempt of step "@step" of run @run came too late and was not used (@status).', $context);
      return;
    }
    match ($report->getNext()) {
      'retry' => $this->logger->notice('Step "@step" of run @run (@workflow) failed in attempt @attempt of @attempts and is tried again in @delay ms: @error', $context),
      'final' => $this->logger->error('Step "@step" of run @run (@workflow) failed in attempt @attempt of @attempts: @error', $context),
      default => $failure === NULL ? NULL : $this->logger->notice('Step "@step" of run @run (@workflow) failed; the run goes on. @error', $context),
    };
  }

}
