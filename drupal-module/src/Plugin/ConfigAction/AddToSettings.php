<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Plugin\ConfigAction;

use Drupal\Core\Config\Action\Attribute\ConfigAction;
use Drupal\Core\Config\Action\ConfigActionException;
use Drupal\Core\Config\Action\ConfigActionPluginInterface;
use Drupal\Core\Config\ConfigFactoryInterface;
use Drupal\Core\Plugin\ContainerFactoryPluginInterface;
use Drupal\Core\StringTranslation\TranslatableMarkup;
use Symfony\Component\DependencyInjection\ContainerInterface;

/**
 * Has a recipe add folders of manifests and the like to what a site has.
 */
#[ConfigAction(
  id: 'ossaEcaAdd',
  admin_label: new TranslatableMarkup('Add to the lists of the OSSA settings'),
)]
final readonly class AddToSettings implements ConfigActionPluginInterface, ContainerFactoryPluginInterface {

  /**
   * The lists that may be added to.
   */
  private const LISTS = ['manifest_paths', 'plugins', 'channels'];

  public function __construct(private ConfigFactoryInterface $configFactory) {}

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
    return new self($container->get('config.factory'));
  }

  /**
   * {@inheritdoc}
   */
  public function apply(string $configName, mixed $value): void {
    if ($configName !== 'ossa_eca.settings' || !is_array($value) || array_diff(array_keys($value), self::LISTS) !== []) {
      throw new ConfigActionException(sprintf('"ossaEcaAdd" adds to the lists %s of ossa_eca.settings, and to nothing else.', implode(', ', self::LISTS)));
    }
    $settings = $this->configFactory->getEditable($configName);
    foreach ($value as $list => $entries) {
      $settings->set($list, array_values(array_unique([...(array) $settings->get($list), ...(array) $entries])));
    }
    $settings->save();
  }

}
