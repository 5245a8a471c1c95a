<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Page;

use Drupal\ossa_eca\Runs;

/**
 * Which runs a list shows, as its address says.
 */
final readonly class RunFilter {

  /**
   * Stands for all states of runs that have not ended.
   */
  public const IN_FLIGHT = 'in_flight';

  public function __construct(
    public string $status = '',
    public string $workflow = '',
    public string $label = '',
    public string $after = '',
  ) {}

  /**
   * The filter of an address.
   *
   * @param array<array-key, mixed> $query
   *   The query of the address.
   */
  public static function ofQuery(array $query): self {
    $text = static fn (string $key): string => is_string($query[$key] ?? NULL) ? trim($query[$key]) : '';
    return new self($text('status'), $text('workflow'), $text('label'), $text('after'));
  }

  /**
   * The query of an address with this filter.
   *
   * @param string $after
   *   Id of the last run of the page before; empty for the first page.
   *
   * @return array<string, string>
   *   The query.
   */
  public function toQuery(string $after = ''): array {
    return array_filter([
      'status' => $this->status,
      'workflow' => $this->workflow,
      'label' => $this->label,
      'after' => $after,
    ], static fn (string $value): bool => $value !== '');
  }

  /**
   * The filter as \Drupal\ossa_eca\Runs::list() takes it.
   *
   * @return array<string, mixed>
   *   The filter.
   */
  public function toArray(): array {
    [$name, $value] = explode('=', $this->label, 2) + [1 => ''];
    return array_filter([
      'status' => $this->status === self::IN_FLIGHT ? Runs::IN_FLIGHT : $this->status,
      'workflow' => $this->workflow,
      'labels' => $this->label === '' ? [] : [trim($name) => trim($value)],
      'after' => $this->after,
    ], static fn (mixed $value): bool => $value !== '' && $value !== []);
  }

  /**
   * Whether a label was given that has no value.
   */
  public function hasLabelWithoutValue(): bool {
    return $this->label !== '' && !str_contains($this->label, '=');
  }

  /**
   * Whether all runs are shown.
   */
  public function isEmpty(): bool {
    return $this->toQuery() === [];
  }

}
