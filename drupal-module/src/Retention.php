<?php

declare(strict_types=1);

namespace Drupal\ossa_eca;

use Drupal\Core\Config\ConfigFactoryInterface;

/**
 * How long runs are kept that have ended.
 */
final readonly class Retention {

  public function __construct(private ConfigFactoryInterface $configFactory) {}

  /**
   * The rules of the settings.
   *
   * @return array<'completed'|'failed'|'canceled', array{max_age_seconds?: int, max_count?: int}>
   *   As the engine takes them; states without a bound are left out.
   */
  public function rules(): array {
    $settings = $this->configFactory->get('ossa_eca.settings');
    $rules = [];
    foreach (['completed', 'failed', 'canceled'] as $status) {
      $rule = array_filter([
        'max_age_seconds' => 86400 * (int) $settings->get("retention.$status.max_age_days"),
        'max_count' => (int) $settings->get("retention.$status.max_count"),
      ]);
      if ($rule !== []) {
        $rules[$status] = $rule;
      }
    }
    return $rules;
  }

}
