<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Eca;

use Drupal\ossa_eca\Engine\EngineUnavailableException;
use Ossa\Runtime\Exception\EngineException;
use Ossa\Runtime\Exception\ExceptionInterface;
use Ossa\Runtime\Exception\InputException;
use Ossa\Runtime\Exception\ManifestException;

/**
 * An action of a model has failed, with all that is known of why.
 */
final class ActionFailure extends \RuntimeException {

  /**
   * Says why an action failed.
   *
   * @param string $errorCode
   *   A code that models can tell failures apart by.
   * @param string $message
   *   What happened.
   * @param string|null $help
   *   What to do about it.
   * @param string|null $run
   *   Id of the run.
   * @param string|null $step
   *   Id of the step.
   * @param \Throwable|null $previous
   *   What led to it.
   */
  public function __construct(
    public readonly string $errorCode,
    string $message,
    public readonly ?string $help = NULL,
    public readonly ?string $run = NULL,
    public readonly ?string $step = NULL,
    ?\Throwable $previous = NULL,
  ) {
    parent::__construct($message, 0, $previous);
  }

  /**
   * The failure that something thrown stands for.
   *
   * @param \Throwable $throwable
   *   What was thrown.
   */
  public static function of(\Throwable $throwable): self {
    if ($throwable instanceof self) {
      return $throwable;
    }
    $details = match (TRUE) {
      $throwable instanceof InputException => $throwable->getViolations(),
      $throwable instanceof ManifestException => array_map(static fn ($diagnostic): string => $diagnostic->render(), $throwable->getDiagnostics()),
      default => [],
    };
    $message = $throwable->getMessage();
    foreach ($details as $detail) {
      $message .= str_contains($message, $detail) ? '' : "\n" . $detail;
    }
    return new self(
      match (TRUE) {
        $throwable instanceof ExceptionInterface => $throwable->getErrorCode(),
        $throwable instanceof EngineUnavailableException => 'ENGINE_UNAVAILABLE',
        default => 'ACTION_FAILED',
      },
      $message,
      $throwable instanceof ExceptionInterface ? $throwable->getHelp() : NULL,
      $throwable instanceof EngineException ? $throwable->getRunId() : NULL,
      $throwable instanceof EngineException ? $throwable->getStep() : NULL,
      $throwable,
    );
  }

  /**
   * The failure as data of a token.
   *
   * @return array<string, string|null>
   *   Keys: code, message, help, run, step.
   */
  public function toArray(): array {
    return [
      'code' => $this->errorCode,
      'message' => $this->getMessage(),
      'help' => $this->help,
      'run' => $this->run,
      'step' => $this->step,
    ];
  }

}
