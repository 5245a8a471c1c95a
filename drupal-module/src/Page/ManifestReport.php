<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Page;

use Drupal\Core\StringTranslation\StringTranslationTrait;
use Drupal\Core\StringTranslation\TranslationInterface;
use Ossa\Runtime\Diagnostic;
use Ossa\Runtime\Manifest;

/**
 * The manifests that were found, and what is wrong with them.
 */
final class ManifestReport {

  use StringTranslationTrait;

  /**
   * So much is shown of each, and so many.
   */
  private const DIAGNOSTICS = 20;
  private const MANIFESTS = 200;

  public function __construct(TranslationInterface $stringTranslation) {
    $this->setStringTranslation($stringTranslation);
  }

  /**
   * The report.
   *
   * @param list<\Ossa\Runtime\Manifest> $manifests
   *   The manifests.
   *
   * @return array<string, mixed>
   *   A render array: those that cannot be run come first.
   */
  public function build(array $manifests): array {
    $key = static fn (Manifest $manifest): array => [$manifest->isValid(), $manifest->getName()];
    usort($manifests, static fn (Manifest $one, Manifest $other): int => $key($one) <=> $key($other));
    $invalid = self::countInvalid($manifests);
    return [
      '#type' => 'details',
      '#title' => $this->t('Found: @count manifests, of which @invalid cannot be run', [
        '@count' => count($manifests),
        '@invalid' => $invalid,
      ]),
      '#open' => $invalid > 0,
      'manifests' => [
        '#type' => 'table',
        '#header' => [
          $this->t('Name'),
          $this->t('Kind'),
          $this->t('File'),
          $this->t('Diagnostics'),
        ],
        '#rows' => array_map($this->row(...), array_slice($manifests, 0, self::MANIFESTS)),
        '#empty' => $this->t('There are no manifests in these folders.'),
        '#attributes' => ['class' => ['ossa-manifests']],
      ],
    ];
  }

  /**
   * Counts manifests that cannot be run.
   *
   * @param list<\Ossa\Runtime\Manifest> $manifests
   *   The manifests.
   */
  public static function countInvalid(array $manifests): int {
    return count(array_filter($manifests, static fn (Manifest $manifest): bool => !$manifest->isValid()));
  }

  /**
   * A diagnostic as a line.
   *
   * @param \Ossa\Runtime\Diagnostic $diagnostic
   *   The diagnostic.
   *
   * @return string
   *   Plain text: not safe to show unescaped.
   */
  public static function line(Diagnostic $diagnostic): string {
    $help = (string) $diagnostic->getHelp();
    return sprintf('%s %s, line %d: %s%s', $diagnostic->getSeverity(), $diagnostic->getCode(), $diagnostic->getLine(), $diagnostic->getMessage(), $help === '' ? '' : ' (' . $help . ')');
  }

  /**
   * A manifest.
   *
   * @param \Ossa\Runtime\Manifest $manifest
   *   The manifest.
   *
   * @return list<mixed>
   *   The cells.
   */
  private function row(Manifest $manifest): array {
    $diagnostics = $manifest->getDiagnostics();
    $items = array_map(self::line(...), array_slice($diagnostics, 0, self::DIAGNOSTICS));
    if (count($diagnostics) > self::DIAGNOSTICS) {
      $items[] = (string) $this->t('@count more', ['@count' => count($diagnostics) - self::DIAGNOSTICS]);
    }
    return [
      $manifest->getName() ?? $this->t('(none)'),
      $manifest->getKind() ?? $this->t('(none)'),
      (string) $manifest->getFile(),
      [
        'data' => $diagnostics === [] ? ['#plain_text' => (string) $this->t('None')] : [
          '#theme' => 'item_list',
          '#items' => array_map(static fn (string $item): array => ['#plain_text' => $item], $items),
        ],
      ],
    ];
  }

}
