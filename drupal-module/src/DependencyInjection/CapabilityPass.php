<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\DependencyInjection;

use Drupal\ossa_eca\Attribute\OssaCapability;
use Symfony\Component\DependencyInjection\Compiler\CompilerPassInterface;
use Symfony\Component\DependencyInjection\ContainerBuilder;
use Symfony\Component\DependencyInjection\Exception\LogicException;

/**
 * Collects the services that carry out capabilities. Nothing else is called.
 */
final class CapabilityPass implements CompilerPassInterface {

  /**
   * The tag; its attributes are "capability" and "method" ("__invoke").
   *
   * A tag without them stands for the attributes of the service's class.
   */
  public const TAG = 'ossa_eca.capability';

  /**
   * Container parameter: service id and method by key.
   */
  public const PARAMETER = 'ossa_eca.capabilities';

  /**
   * {@inheritdoc}
   */
  public function process(ContainerBuilder $container): void {
    $found = [];
    foreach ($container->findTaggedServiceIds(self::TAG) as $id => $tags) {
      $definition = $container->getDefinition($id)->setPublic(TRUE);
      $class = (string) $container->getParameterBag()->resolveValue($definition->getClass() ?? $id);
      $reflection = $container->getReflectionClass($class) ?? throw new LogicException(sprintf('The class "%s" of the capability service "%s" does not exist.', $class, $id));
      foreach (self::targets($reflection, array_values($tags)) as [$name, $method]) {
        if (!$reflection->hasMethod($method) || !$reflection->getMethod($method)->isPublic()) {
          throw new LogicException(sprintf('The capability "%s" is bound to %s::%s(), which is no public method.', $name, $class, $method));
        }
        $key = str_contains($name, ':') ? $name : 'capability:' . $name;
        if (isset($found[$key]) && $found[$key] !== [$id, $method]) {
          throw new LogicException(sprintf('Two services carry out the capability "%s": "%s" and "%s". Remove one of them.', $name, $found[$key][0], $id));
        }
        $found[$key] = [$id, $method];
      }
    }
    ksort($found);
    $container->setParameter(self::PARAMETER, $found);
  }

  /**
   * The capabilities of a service.
   *
   * @param \ReflectionClass<object> $class
   *   Its class.
   * @param list<array<string, mixed>> $tags
   *   Its tags.
   *
   * @return iterable<array{string, string}>
   *   Name and method of each.
   */
  private static function targets(\ReflectionClass $class, array $tags): iterable {
    foreach ($tags as $tag) {
      if (isset($tag['capability'])) {
        yield [(string) $tag['capability'], (string) ($tag['method'] ?? '__invoke')];
      }
    }
    foreach ($class->getAttributes(OssaCapability::class) as $attribute) {
      yield [$attribute->newInstance()->name, '__invoke'];
    }
    foreach ($class->getMethods() as $method) {
      foreach ($method->getAttributes(OssaCapability::class) as $attribute) {
        yield [$attribute->newInstance()->name, $method->getName()];
      }
    }
  }

}
