<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\State;

use Drupal\ossa_eca\Attribute\OssaCapability;
use Drupal\ossa_eca\Execution\StepFailure;

/**
 * Lets steps read and write the values of the site.
 */
final readonly class ValueCapabilities {

  public function __construct(private SiteValues $values) {}

  /**
   * Reads a value: {name, default?} gives {value}.
   *
   * @param array<array-key, mixed> $input
   *   The input of the step.
   *
   * @return array{value: mixed}
   *   The value.
   */
  #[OssaCapability('drupal_state_get')]
  public function get(array $input): array {
    return ['value' => $this->values->get(self::name($input), $input['default'] ?? NULL)];
  }

  /**
   * Sets a value: {name, value} gives {value, previous}.
   *
   * @param array<array-key, mixed> $input
   *   The input of the step.
   *
   * @return array{value: mixed, previous: mixed}
   *   The new value and that before it.
   */
  #[OssaCapability('drupal_state_set')]
  public function set(array $input): array {
    $name = self::name($input);
    $value = $input['value'] ?? NULL;
    $previous = $this->values->get($name);
    try {
      $this->values->set($name, is_array($value) || is_scalar($value) ? $value : NULL);
    }
    catch (\InvalidArgumentException $exception) {
      throw StepFailure::permanent('BAD_INPUT', $exception->getMessage(), $exception);
    }
    return ['value' => $value, 'previous' => $previous];
  }

  /**
   * The name of the value.
   *
   * @param array<array-key, mixed> $input
   *   The input of the step.
   */
  private static function name(array $input): string {
    $name = $input['name'] ?? NULL;
    return is_string($name) && $name !== '' ? $name : throw StepFailure::permanent('BAD_INPUT', 'The input has no "name" of a value.');
  }

}
