<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Execution;

use Drupal\Core\Entity\EntityInterface;
use Drupal\Core\TypedData\TypedDataInterface;

/**
 * Turns what a capability returned into plain data.
 *
 * Entities become references: {type, id, uuid, label}.
 */
final class StepOutput {

  private const MAX_DEPTH = 64;

  /**
   * Makes plain data of a value.
   *
   * @param mixed $value
   *   What a capability returned.
   * @param string $path
   *   Where it is, for messages.
   * @param int $depth
   *   How deep that is.
   *
   * @return array<array-key, mixed>|scalar|null
   *   Plain data.
   *
   * @throws \Drupal\ossa_eca\Execution\StepFailure
   *   When that cannot be.
   */
  public static function plain(mixed $value, string $path = 'output', int $depth = 0): mixed {
    if ($depth > self::MAX_DEPTH) {
      throw self::refused($path, sprintf('is nested deeper than %d levels', self::MAX_DEPTH));
    }
    if (is_array($value)) {
      foreach ($value as $key => $each) {
        $value[$key] = self::plain($each, $path . '.' . $key, $depth + 1);
      }
      return $value;
    }
    return match (TRUE) {
      is_string($value) => preg_match('//u', $value) === 1 ? $value : throw self::refused($path, 'is text that is not UTF-8; encode bytes, for example as base64'),
      is_float($value) => is_finite($value) ? $value : throw self::refused($path, 'is no finite number'),
      $value === NULL, is_scalar($value) => $value,
      $value instanceof EntityInterface => [
        'type' => $value->getEntityTypeId(),
        'id' => $value->id(),
        'uuid' => $value->uuid(),
        'label' => (string) $value->label(),
      ],
      $value instanceof \JsonSerializable => self::plain($value->jsonSerialize(), $path, $depth + 1),
      $value instanceof \Stringable => self::plain((string) $value, $path, $depth + 1),
      $value instanceof \DateTimeInterface => $value->format(\DATE_RFC3339_EXTENDED),
      $value instanceof \BackedEnum => $value->value,
      $value instanceof TypedDataInterface => self::plain($value->getValue(), $path, $depth + 1),
      $value instanceof \stdClass => self::plain((array) $value, $path, $depth + 1),
      default => throw self::refused($path, sprintf('is of type %s', get_debug_type($value))),
    };
  }

  /**
   * Says why a value cannot be an output.
   *
   * @param string $path
   *   Where it is.
   * @param string $why
   *   What is wrong with it.
   */
  private static function refused(string $path, string $why): StepFailure {
    return StepFailure::permanent('BAD_OUTPUT', sprintf('What the capability returned cannot be the output of a step: %s %s.', $path, $why));
  }

}
