<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Plugin\ECA\Event;

use Drupal\eca\Plugin\ECA\Event\EventDeriverBase;

/**
 * Makes an ECA event of each event of the module.
 */
final class OssaEventDeriver extends EventDeriverBase {

  /**
   * {@inheritdoc}
   *
   * @return array<string, array<string, mixed>>
   *   Definitions by derivative.
   */
  protected function definitions(): array {
    return OssaEvent::definitions();
  }

}
