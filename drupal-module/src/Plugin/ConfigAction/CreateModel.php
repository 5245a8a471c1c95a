<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Plugin\ConfigAction;

use Drupal\Core\Config\Action\Attribute\ConfigAction;
use Drupal\Core\Config\Action\ConfigActionException;
use Drupal\Core\Config\Action\ConfigActionPluginInterface;
use Drupal\Core\Entity\EntityTypeManagerInterface;
use Drupal\Core\Extension\ModuleHandlerInterface;
use Drupal\Core\Plugin\ContainerFactoryPluginInterface;
use Drupal\Core\StringTranslation\TranslatableMarkup;
use Symfony\Component\DependencyInjection\ContainerInterface;

/**
 * Has a recipe create a model that is right for the ECA that a site has.
 *
 * ECA 2 keeps label, modeller and version of a model in other places than ECA
 * 3, so that no file of configuration fits both. A model that is there already
 * stays as it is.
 */
#[ConfigAction(
  id: 'ossaEcaModel',
  admin_label: new TranslatableMarkup('Create an ECA model'),
)]
final readonly class CreateModel implements ConfigActionPluginInterface, ContainerFactoryPluginInterface {

  private const PREFIX = 'eca.eca.';

  public function __construct(
    private EntityTypeManagerInterface $entityTypeManager,
    private ModuleHandlerInterface $modules,
  ) {}

  /**
   * {@inheritdoc}
   *
   * @param \Symfony\Component\DependencyInjection\ContainerInterface $container
   *   The container.
   * @param array<string, mixed> $configuration
   *   Configuration of the plugin.
   * @param string $plugin_id
   *   Id of the plugin.
   * @param mixed $plugin_definition
   *   Definition of the plugin.
   */
  public static function create(ContainerInterface $container, array $configuration, $plugin_id, $plugin_definition): static {
    return new self($container->get('entity_type.manager'), $container->get('module_handler'));
  }

  /**
   * {@inheritdoc}
   */
  public function apply(string $configName, mixed $value): void {
    if (!str_starts_with($configName, self::PREFIX) || !is_array($value) || !is_string($value['label'] ?? NULL)) {
      throw new ConfigActionException(sprintf('"ossaEcaModel" creates a model under the name "%sID", from its label, events, conditions, gateways and actions.', self::PREFIX));
    }
    $storage = $this->entityTypeManager->getStorage('eca');
    $id = substr($configName, strlen(self::PREFIX));
    if ($storage->load($id) !== NULL) {
      return;
    }
    $metadata = ['label' => $value['label'], 'version' => '1.0.0'];
    // ECA 2 has keys for them, ECA 3 leaves them to another module.
    $metadata = match (TRUE) {
      (bool) $this->entityTypeManager->getDefinition('eca')?->hasKey('label') => $metadata + ['modeller' => 'fallback'],
      $this->modules->moduleExists('modeler_api') => ['third_party_settings' => ['modeler_api' => $metadata + ['modeler_id' => 'fallback']]],
      default => [],
    };
    $nodes = array_intersect_key($value, array_flip(['events', 'conditions', 'gateways', 'actions']));
    $storage->create(['id' => $id, 'status' => TRUE] + $metadata + $nodes)->save();
  }

}
