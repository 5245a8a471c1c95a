<?php

declare(strict_types=1);

namespace Drupal\ossa_eca;

use Drupal\Core\DependencyInjection\ContainerBuilder;
use Drupal\Core\DependencyInjection\ServiceProviderInterface;
use Drupal\ossa_eca\Attribute\OssaCapability;
use Drupal\ossa_eca\DependencyInjection\CapabilityPass;
use Symfony\Component\DependencyInjection\ChildDefinition;

/**
 * Finds capabilities when the container is built.
 */
final class OssaEcaServiceProvider implements ServiceProviderInterface {

  /**
   * {@inheritdoc}
   */
  public function register(ContainerBuilder $container): void {
    $container->registerAttributeForAutoconfiguration(OssaCapability::class, static function (ChildDefinition $definition, OssaCapability $capability, \Reflector $of): void {
      $definition->addTag(CapabilityPass::TAG);
    });
    $container->addCompilerPass(new CapabilityPass());
  }

}
