<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Execution;

use Drupal\Core\Entity\EntityInterface;
use Drupal\Core\TypedData\TypedDataInterface;
use Drupal\eca\Plugin\DataType\DataTransferObject;
use Drupal\eca\Token\TokenInterface;
use Symfony\Component\DependencyInjection\Attribute\Autowire;

/**
 * Gives ECA actions the input of a step as tokens, and takes their result.
 *
 * Tokens are [input:…], [entity:…] and the names of the input's fields. Without
 * ECA there are none.
 */
final readonly class ActionTokens {

  public function __construct(
    #[Autowire(service: 'eca.token_services')]
    private ?TokenInterface $tokens = NULL,
  ) {}

  /**
   * Does something with the tokens of a step, and only those.
   *
   * @param array<array-key, mixed> $input
   *   The input of the step.
   * @param \Drupal\Core\Entity\EntityInterface|null $entity
   *   The entity that the action acts on.
   * @param array<array-key, mixed> $config
   *   Configuration of the action.
   * @param \Closure(): void $do
   *   What to do.
   *
   * @return mixed
   *   The data of the token that the configuration names as "token_name".
   */
  public function with(array $input, ?EntityInterface $entity, array $config, \Closure $do): mixed {
    if ($this->tokens === NULL) {
      $do();
      return NULL;
    }
    // A model of ECA may be running whose tokens are to come back afterwards.
    $before = $this->tokens->getTokenData();
    $this->tokens->clearTokenData();
    try {
      $this->tokens->addTokenData('input', DataTransferObject::create($input));
      if ($entity !== NULL) {
        $this->tokens->addTokenData('entity', $entity);
        $this->tokens->addTokenData($entity->getEntityTypeId(), $entity);
      }
      $do();
      $name = $config['token_name'] ?? NULL;
      $result = is_string($name) && $name !== '' ? $this->tokens->getTokenData($name) : NULL;
      return $result instanceof DataTransferObject ? self::plain($result) : $result;
    }
    finally {
      $this->tokens->clearTokenData();
      foreach (is_array($before) ? $before : [] as $name => $data) {
        $this->tokens->addTokenData((string) $name, $data);
      }
    }
  }

  /**
   * The values of a data transfer object.
   *
   * @param \Drupal\eca\Plugin\DataType\DataTransferObject $data
   *   The object.
   */
  private static function plain(DataTransferObject $data): mixed {
    $value = $data->getValue();
    $properties = is_array($value) ? $value['values'] ?? $value : $value;
    return $properties instanceof TypedDataInterface ? $properties->getValue() : $properties;
  }

}
