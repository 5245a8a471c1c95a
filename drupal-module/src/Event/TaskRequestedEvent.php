<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Event;

use Symfony\Contracts\EventDispatcher\Event;

/**
 * A run was started, here and now.
 */
final class TaskRequestedEvent extends Event {

  /**
   * Tells of a run that was started.
   *
   * @param string $runId
   *   Id of the run.
   * @param string $manifest
   *   What was started, as it was named.
   * @param array<string, mixed> $input
   *   The input.
   */
  public function __construct(
    public readonly string $runId,
    public readonly string $manifest,
    public readonly array $input,
  ) {}

}
