<?php

declare(strict_types=1);

namespace Drupal\ossa_eca;

use Drupal\Core\Extension\ModuleUninstallValidatorInterface;
use Drupal\Core\StringTranslation\StringTranslationTrait;
use Drupal\Core\StringTranslation\TranslationInterface;

/**
 * Keeps the module from being uninstalled while runs are in flight.
 */
final class InFlightUninstallValidator implements ModuleUninstallValidatorInterface {

  use StringTranslationTrait;

  public function __construct(
    private readonly Runs $runs,
    TranslationInterface $stringTranslation,
  ) {
    $this->setStringTranslation($stringTranslation);
  }

  /**
   * {@inheritdoc}
   */
  public function validate($module): array {
    if ($module !== 'ossa_eca') {
      return [];
    }
    try {
      $count = $this->runs->countInFlight();
    }
    catch (\Exception) {
      // Without an engine there is nothing in flight that could go on.
      return [];
    }
    return $count === 0 ? [] : [
      (string) $this->formatPlural($count, '1 run of a task or workflow is in flight and would be lost. Let it end or cancel it first.', '@count runs of tasks and workflows are in flight and would be lost. Let them end or cancel them first.'),
    ];
  }

}
