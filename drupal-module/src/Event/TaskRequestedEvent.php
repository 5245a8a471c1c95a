<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Event;

use Symfony\Contracts\EventDispatcher\Event;

/**
 * Asks for a task, and leaves it to the site what that is.
 *
 * Dispatch one under OssaEvents::TASK_EXECUTE. Models of ECA that listen for
 * this name answer; when dispatch() returns, runs() tells what they started.
 */
final class TaskRequestedEvent extends Event {

  /**
   * Ids of the runs that were started.
   *
   * @var list<string>
   */
  private array $runs = [];

  /**
   * Asks for a task.
   *
   * @param string $task
   *   What is asked for: the name of a task or workflow, or any other name that
   *   models listen for.
   * @param array<array-key, mixed> $input
   *   The input.
   * @param string|null $correlationId
   *   Joins the runs with others, and with what led to them.
   */
  public function __construct(
    public readonly string $task,
    public readonly array $input = [],
    public readonly ?string $correlationId = NULL,
  ) {}

  /**
   * Tells who asked that a run was started.
   *
   * @param string $runId
   *   Id of the run.
   */
  public function started(string $runId): void {
    $this->runs[] = $runId;
  }

  /**
   * The runs that were started.
   *
   * @return list<string>
   *   Their ids; empty when nobody answered.
   */
  public function runs(): array {
    return $this->runs;
  }

}
