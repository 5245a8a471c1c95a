<?php

declare(strict_types=1);

namespace Drupal\ossa_eca_test;

/**
 * A service that is a capability by its tag alone.
 */
final class Tagged {

  /**
   * Says it loudly.
   *
   * @param array<string, mixed> $input
   *   With "text".
   *
   * @return array{text: string}
   *   The text in capitals.
   */
  public function shout(array $input): array {
    return ['text' => strtoupper((string) $input['text'])];
  }

}
