<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Eca;

use Drupal\Core\Entity\Plugin\DataType\EntityAdapter;
use Drupal\Core\TypedData\TypedDataInterface;
use Drupal\eca\Plugin\DataType\DataTransferObject;
use Drupal\ossa_eca\Execution\StepOutput;

/**
 * Turns plain data into data of tokens, and back, with nothing lost.
 */
final class Data {

  /**
   * Data of a token.
   *
   * @param mixed $data
   *   Plain data.
   * @param string|null $text
   *   What the token is as text; NULL has ECA make a text of the data.
   */
  public static function token(mixed $data, ?string $text = NULL): DataTransferObject {
    $token = DataTransferObject::create(is_scalar($data) ? $data : NULL);
    foreach (is_array($data) ? $data : [] as $name => $value) {
      // A data transfer object takes "+" and "-" for orders.
      if ($value !== NULL && $name !== '+' && $name !== '-') {
        // Objects, one by one: keys of the data may be those by which ECA tells
        // its own arrays.
        $token->set((string) $name, is_array($value) ? self::token($value) : $value);
      }
    }
    if ($text !== NULL) {
      $token->setStringRepresentation($text);
    }
    return $token;
  }

  /**
   * Plain data of a token.
   *
   * @param mixed $value
   *   What a token holds. Entities become references: {type, id, uuid, label}.
   *
   * @return array<array-key, mixed>|scalar|null
   *   Plain data.
   *
   * @throws \Drupal\ossa_eca\Execution\StepFailure
   *   When it holds what cannot be plain data.
   */
  public static function plain(mixed $value): mixed {
    if ($value instanceof DataTransferObject) {
      $properties = $value->getProperties();
      $text = $properties === [] ? $value->getValue() : NULL;
      return is_string($text) ? $text : array_map(self::plain(...), $properties);
    }
    if ($value instanceof EntityAdapter) {
      return StepOutput::plain($value->getEntity());
    }
    return StepOutput::plain($value instanceof TypedDataInterface ? $value->getValue() : $value);
  }

}
