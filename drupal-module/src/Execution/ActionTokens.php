<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Execution;

use Drupal\Core\Entity\EntityInterface;
use Drupal\eca\Token\TokenInterface;
use Drupal\ossa_eca\Eca\Data;
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
      $this->tokens->addTokenData('input', Data::token($input));
      if ($entity !== NULL) {
        $this->tokens->addTokenData('entity', $entity);
        $this->tokens->addTokenData($entity->getEntityTypeId(), $entity);
      }
      $do();
      $name = $config['token_name'] ?? NULL;
      $result = is_string($name) && $name !== '' ? $this->tokens->getTokenData($name) : NULL;
      return Data::plain($result);
    }
    finally {
      $this->tokens->clearTokenData();
      foreach (is_array($before) ? $before : [] as $name => $data) {
        $this->tokens->addTokenData((string) $name, $data);
      }
    }
  }

}
