<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Execution;

/**
 * A step failed, with a code, and with what is known of another attempt.
 *
 * Any other exception of a capability makes the step fail as well; the manifest
 * then decides by itself whether it is tried again.
 */
final class StepFailure extends \RuntimeException {

  /**
   * Says why a step failed.
   *
   * @param string $errorCode
   *   A code that manifests and models can tell failures apart by.
   * @param string $message
   *   What happened.
   * @param bool|null $retryable
   *   Whether another attempt may succeed; NULL leaves it to the manifest.
   * @param int|null $retryAfterMs
   *   When to try again at the earliest.
   * @param \Throwable|null $previous
   *   What led to it.
   */
  public function __construct(
    public readonly string $errorCode,
    string $message,
    public readonly ?bool $retryable = NULL,
    public readonly ?int $retryAfterMs = NULL,
    ?\Throwable $previous = NULL,
  ) {
    parent::__construct($message, 0, $previous);
  }

  /**
   * What is not worth another attempt.
   *
   * @param string $code
   *   The code.
   * @param string $message
   *   What happened.
   * @param \Throwable|null $previous
   *   What led to it.
   */
  public static function permanent(string $code, string $message, ?\Throwable $previous = NULL): self {
    return new self($code, $message, FALSE, NULL, $previous);
  }

  /**
   * The error as the engine takes it.
   *
   * @param \Throwable $throwable
   *   What a capability threw.
   *
   * @return array{code: string, message: string, class: string, retryable: ?bool, retry_after_ms: ?int}
   *   The error.
   */
  public static function describe(\Throwable $throwable): array {
    $failure = $throwable instanceof self ? $throwable : NULL;
    return [
      'code' => $failure->errorCode ?? 'CAPABILITY_ERROR',
      'message' => mb_scrub(substr($throwable->getMessage(), 0, 4096), 'UTF-8'),
      'class' => $throwable::class,
      'retryable' => $failure?->retryable,
      'retry_after_ms' => $failure?->retryAfterMs,
    ];
  }

}
