<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Event;

use Symfony\Contracts\EventDispatcher\Event;

/**
 * Something happened to a run. It may be told again: of one run more than once.
 */
abstract class RunEvent extends Event {

  /**
   * Tells of a run.
   *
   * @param string $runId
   *   Id of the run.
   * @param string $workflow
   *   Name of the task or workflow.
   * @param string $status
   *   Status of the run when it happened.
   * @param string|null $correlationId
   *   What joins the run with others.
   * @param array<string, mixed> $data
   *   What happened, as the engine tells it.
   */
  final public function __construct(
    public readonly string $runId,
    public readonly string $workflow,
    public readonly string $status,
    public readonly ?string $correlationId,
    public readonly array $data,
  ) {}

}
