<?php

declare(strict_types=1);

namespace Drupal\ossa_eca;

use Drupal\Core\StringTranslation\StringTranslationTrait;
use Drupal\Core\StringTranslation\TranslationInterface;
use Drupal\ossa_eca\Engine\EngineProvider;
use Drupal\ossa_eca\Engine\ManifestRoots;

/**
 * What the status report says of the engine.
 *
 * @phpstan-type Entry array{title: \Drupal\Core\StringTranslation\TranslatableMarkup, value: mixed, description?: mixed, severity: int}
 */
final class StatusReport {

  use StringTranslationTrait;

  /**
   * Severities, with the values that both majors of core have for them.
   */
  private const OK = 0;
  private const WARNING = 1;
  private const ERROR = 2;

  public function __construct(
    private readonly EngineProvider $engines,
    private readonly ManifestRoots $roots,
    TranslationInterface $stringTranslation,
  ) {
    $this->setStringTranslation($stringTranslation);
  }

  /**
   * Examines the engine.
   *
   * @return array<string, array{severity: int, ...}>
   *   Entries as of hook_requirements().
   */
  public function entries(): array {
    $problem = $this->engines->problem();
    $engine = [
      'title' => $this->t('OSSA engine'),
      'value' => EngineProvider::version() ?? $this->t('Not available'),
      'severity' => $problem === NULL ? self::OK : self::ERROR,
    ] + ($problem === NULL ? [] : ['description' => ['#plain_text' => $problem]]);
    $entries = ['ossa_eca_engine' => $engine];
    $missing = $this->roots->missing();
    if ($missing !== []) {
      $entries['ossa_eca_manifests'] = [
        'title' => $this->t('OSSA manifests'),
        'value' => $this->t('Folders are missing'),
        'description' => $this->t('These folders of the settings are not there: %folders. Create them, or change the settings.', ['%folders' => implode(', ', $missing)]),
        'severity' => self::WARNING,
      ];
    }
    return $entries + ($problem === NULL ? $this->findings() : []);
  }

  /**
   * What the engine finds when it examines itself.
   *
   * @return array<string, array{severity: int, ...}>
   *   An entry for each thing that is not fine.
   */
  private function findings(): array {
    $entries = [];
    foreach ($this->engines->engine()->examine() as $number => $finding) {
      if ($finding['condition'] === 'fine') {
        continue;
      }
      $entries['ossa_eca_finding_' . $number] = [
        'title' => $this->t('OSSA: @subject', ['@subject' => $finding['subject']]),
        'value' => ['#plain_text' => $finding['found']],
        'description' => ['#plain_text' => $finding['remedy'] ?? ''],
        'severity' => $finding['condition'] === 'broken' ? self::ERROR : self::WARNING,
      ];
    }
    return $entries;
  }

}
