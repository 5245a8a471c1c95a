<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\DependencyInjection;

use Ossa\SymfonyRuntime\Exception\LogicException;
use Symfony\Component\DependencyInjection\ContainerBuilder;

/**
 * A method of a service that something names.
 *
 * @internal
 */
final class ServiceMethod
{
    /**
     * @param string $source what names it, for error messages
     *
     * @return class-string the service's class
     *
     * @throws LogicException when it cannot be called
     */
    public static function checkedClass(ContainerBuilder $container, string $service, string $method, string $source): string
    {
        if (!$container->has($service)) {
            throw new LogicException(\sprintf('There is no service "%s", which %s names.', $service, $source));
        }
        $definition = $container->findDefinition($service);
        $class = $container->getParameterBag()->resolveValue($definition->getClass()) ?? $service;
        $reflection = \is_string($class) ? $container->getReflectionClass($class, false) : null;
        if (null === $reflection) {
            throw new LogicException(\sprintf('The class of the service "%s", which %s names, is unknown.', $service, $source));
        }
        if (!$reflection->hasMethod($method) || !$reflection->getMethod($method)->isPublic()) {
            throw new LogicException(\sprintf('%s has no public method "%s()", which %s names.', $reflection->getName(), $method, $source));
        }

        return $reflection->getName();
    }
}
