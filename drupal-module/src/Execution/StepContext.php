<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Execution;

use Drupal\Core\Session\AccountInterface;
use Ossa\Runtime\StepClaim;

/**
 * What a capability knows of the step that it carries out.
 */
final readonly class StepContext {

  /**
   * Describes an attempt of a step.
   *
   * @param string $runId
   *   Id of the run.
   * @param string $workflow
   *   Name of the task or workflow.
   * @param string $step
   *   Id of the step.
   * @param int $attempt
   *   Number of the attempt, from 1.
   * @param int $maxAttempts
   *   How many there may be.
   * @param string $effectKey
   *   The same for all attempts of this step of this run: send it along where
   *   an effect must not happen twice.
   * @param string|null $correlationId
   *   What joins the run with others.
   * @param string|null $traceparent
   *   Trace context as of W3C.
   * @param int $deadlineMs
   *   When the time of the attempt is up, in milliseconds since the Unix epoch.
   * @param \Drupal\Core\Session\AccountInterface $account
   *   The account that the step runs as.
   * @param \Closure(): bool $beat
   *   Prolongs the claim.
   */
  public function __construct(
    public string $runId,
    public string $workflow,
    public string $step,
    public int $attempt,
    public int $maxAttempts,
    public string $effectKey,
    public ?string $correlationId,
    public ?string $traceparent,
    public int $deadlineMs,
    public AccountInterface $account,
    private \Closure $beat,
  ) {}

  /**
   * The context of a claimed attempt.
   *
   * @param \Ossa\Runtime\StepClaim $claim
   *   The attempt.
   * @param \Drupal\Core\Session\AccountInterface $account
   *   The account that it runs as.
   * @param \Closure(): bool $beat
   *   Prolongs the claim.
   */
  public static function of(StepClaim $claim, AccountInterface $account, \Closure $beat): self {
    return new self(
      $claim->getRunId(),
      $claim->getWorkflow(),
      $claim->getStep(),
      $claim->getAttempt(),
      $claim->getMaxAttempts(),
      $claim->getEffectKey(),
      $claim->getCorrelationId(),
      $claim->getTraceparent(),
      $claim->getDeadlineMs(),
      $account,
      $beat,
    );
  }

  /**
   * Says that the work goes on. Call it where a step takes long.
   *
   * @return bool
   *   FALSE when the step was given to another worker meanwhile: stop then.
   */
  public function heartbeat(): bool {
    return ($this->beat)();
  }

}
