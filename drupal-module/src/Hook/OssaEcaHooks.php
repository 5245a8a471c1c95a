<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Hook;

use Drupal\Core\Extension\Requirement\RequirementSeverity;
use Drupal\Core\Hook\Attribute\Hook;
use Drupal\ossa_eca\Pulse;
use Drupal\ossa_eca\StatusReport;

/**
 * Hooks of the module. Core before 11.1 reaches them through functions.
 */
final readonly class OssaEcaHooks {

  public function __construct(
    private Pulse $pulse,
    private StatusReport $statusReport,
  ) {}

  /**
   * Implements hook_cron().
   */
  #[Hook('cron')]
  public function cron(): void {
    $this->pulse->cron();
  }

  /**
   * Implements hook_runtime_requirements().
   *
   * @return array<string, array<string, mixed>>
   *   Entries of the status report.
   */
  #[Hook('runtime_requirements')]
  public function runtimeRequirements(): array {
    $entries = $this->statusReport->entries();
    // Core 11.2 and newer have an enumeration for what were numbers.
    return enum_exists(RequirementSeverity::class)
      ? array_map(static fn (array $entry): array => ['severity' => RequirementSeverity::from($entry['severity'])] + $entry, $entries)
      : $entries;
  }

}
