<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Execution;

use Drupal\Component\Plugin\ConfigurableInterface;
use Drupal\Component\Plugin\PluginManagerInterface;
use Drupal\Core\Action\ActionInterface;
use Drupal\Core\Config\ConfigFactoryInterface;
use Drupal\Core\Entity\EntityInterface;
use Drupal\Core\Entity\EntityTypeManagerInterface;
use Symfony\Component\DependencyInjection\Attribute\Autowire;

/**
 * Action plugins of core, of modules and of ECA as capabilities.
 *
 * A manifest names one in "runtime.bindings" as "plugin: ID", with its
 * configuration under "config"; without that, the input of the step is its
 * configuration. The input names the entity that it acts on under "entity":
 * {type, id}. Only plugins that the settings list are called, and only where
 * the account of the step has access.
 */
final readonly class ActionPlugins {

  public function __construct(
    #[Autowire(service: 'plugin.manager.action')]
    private PluginManagerInterface $plugins,
    private ConfigFactoryInterface $configFactory,
    private EntityTypeManagerInterface $entityTypeManager,
    private ActionTokens $tokens,
  ) {}

  /**
   * Whether a plugin is there and may be called.
   *
   * @param string $plugin
   *   Id of the plugin.
   */
  public function has(string $plugin): bool {
    return $this->isAllowed($plugin) && $this->plugins->hasDefinition($plugin);
  }

  /**
   * Says why a plugin is not called.
   *
   * @param string $plugin
   *   Id of the plugin.
   *
   * @return string
   *   A sentence and a space.
   */
  public function why(string $plugin): string {
    return match (TRUE) {
      !$this->isAllowed($plugin) => sprintf('The manifest names "%s", which is no action plugin that the settings allow. ', $plugin),
      !$this->plugins->hasDefinition($plugin) => sprintf('The manifest names the action plugin "%s", which is not there: its module may be missing. ', $plugin),
      default => '',
    };
  }

  /**
   * Calls a plugin.
   *
   * @param string $plugin
   *   Id of the plugin.
   * @param array<array-key, mixed>|null $config
   *   Its configuration; NULL takes the input for it.
   * @param array<array-key, mixed> $input
   *   The input of the step.
   * @param \Drupal\ossa_eca\Execution\StepContext $context
   *   The step.
   *
   * @return mixed
   *   The output of the step: what the action has put into the token that its
   *   configuration names as "token_name", or NULL.
   *
   * @throws \Drupal\ossa_eca\Execution\StepFailure
   *   When the account has no access, or the entity is not there.
   */
  public function execute(string $plugin, ?array $config, array $input, StepContext $context): mixed {
    $config ??= array_diff_key($input, ['entity' => TRUE]);
    $entity = $this->entity($input);
    return $this->tokens->with($input, $entity, $config, function () use ($plugin, $config, $entity, $context): void {
      $action = $this->plugins->createInstance($plugin, $config);
      if (!$action instanceof ActionInterface) {
        throw StepFailure::permanent('NO_CAPABILITY', sprintf('The plugin "%s" is no action.', $plugin));
      }
      if ($action instanceof ConfigurableInterface) {
        $action->setConfiguration($config + $action->defaultConfiguration());
      }
      if ($action->access($entity, $context->account) !== TRUE) {
        throw StepFailure::permanent('ACCESS_DENIED', sprintf('The account "%s" (%d) may not carry out the action "%s"%s.', $context->account->getAccountName(), $context->account->id(), $plugin, $entity === NULL ? '' : sprintf(' on %s %s', $entity->getEntityTypeId(), $entity->id())));
      }
      $action->executeMultiple([$entity]);
    });
  }

  /**
   * The entity that the input names.
   *
   * @param array<array-key, mixed> $input
   *   The input of the step.
   */
  private function entity(array $input): ?EntityInterface {
    $named = $input['entity'] ?? NULL;
    if ($named === NULL) {
      return NULL;
    }
    $type = is_array($named) ? $named['type'] ?? NULL : NULL;
    $id = is_array($named) ? $named['id'] ?? NULL : NULL;
    if (!is_string($type) || !(is_int($id) || is_string($id)) || !$this->entityTypeManager->hasDefinition($type)) {
      throw StepFailure::permanent('BAD_ENTITY', '"entity" of the input names no entity: it must be a map with "type", such as "node", and "id".');
    }
    return $this->entityTypeManager->getStorage($type)->load($id)
      ?? throw StepFailure::permanent('ENTITY_GONE', sprintf('There is no %s %s any more.', $type, $id));
  }

  /**
   * Whether the settings list a plugin.
   *
   * @param string $plugin
   *   Id of the plugin.
   */
  private function isAllowed(string $plugin): bool {
    $allowed = $this->configFactory->get('ossa_eca.settings')->get('plugins');
    foreach (is_array($allowed) ? $allowed : [] as $pattern) {
      if ($pattern === $plugin || (str_ends_with($pattern, '*') && str_starts_with($plugin, substr($pattern, 0, -1)))) {
        return TRUE;
      }
    }
    return FALSE;
  }

}
