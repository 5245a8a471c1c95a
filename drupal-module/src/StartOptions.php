<?php

declare(strict_types=1);

namespace Drupal\ossa_eca;

use Drupal\ossa_eca\Execution\ExecutionAccount;

/**
 * How a run is started.
 */
final readonly class StartOptions {

  /**
   * Priorities, most urgent first.
   */
  public const PRIORITIES = ['critical', 'high', 'normal', 'low'];

  /**
   * Says how a run is started.
   *
   * @param string|null $kind
   *   "Task" or "Workflow"; NULL takes what the manifest is.
   * @param string $priority
   *   One of PRIORITIES.
   * @param string|null $idempotencyKey
   *   A second start with this key answers with the run of the first.
   * @param string|null $correlationId
   *   Joins the run with others, and with what led to it.
   * @param array<string, string> $labels
   *   Labels to find the run by.
   * @param int|null $uid
   *   The account that the run is started for; NULL is the current user.
   * @param string|null $traceparent
   *   Trace context as of W3C.
   * @param array<string, mixed> $trigger
   *   What led to the run; expressions see it as "trigger".
   *
   * @throws \InvalidArgumentException
   *   When a value is none of those allowed.
   */
  public function __construct(
    public ?string $kind = NULL,
    public string $priority = 'normal',
    public ?string $idempotencyKey = NULL,
    public ?string $correlationId = NULL,
    public array $labels = [],
    public ?int $uid = NULL,
    public ?string $traceparent = NULL,
    public array $trigger = [],
  ) {
    if (!in_array($priority, self::PRIORITIES, TRUE)) {
      throw new \InvalidArgumentException(sprintf('"%s" is no priority. Use one of: %s.', $priority, implode(', ', self::PRIORITIES)));
    }
    if (!in_array($kind, [NULL, 'Task', 'Workflow'], TRUE)) {
      throw new \InvalidArgumentException(sprintf('"%s" cannot be run. Use "Task" or "Workflow", or leave it out.', $kind));
    }
  }

  /**
   * The options as the engine takes them.
   *
   * @param int $uid
   *   The account that the run is started for.
   *
   * @return array<string, mixed>
   *   Options of \Ossa\Runtime\Engine::start().
   */
  public function toArray(int $uid): array {
    return array_filter([
      'kind' => $this->kind,
      'priority' => $this->priority,
      'idempotency_key' => $this->idempotencyKey,
      'correlation_id' => $this->correlationId,
      'labels' => [ExecutionAccount::LABEL => (string) $uid] + $this->labels,
      'traceparent' => $this->traceparent,
      'trigger' => $this->trigger === [] ? NULL : $this->trigger,
    ], static fn (mixed $value): bool => $value !== NULL);
  }

}
