<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\DependencyInjection;

use Ossa\SymfonyRuntime\Exception\LogicException;
use Symfony\Component\DependencyInjection\Compiler\CompilerPassInterface;
use Symfony\Component\DependencyInjection\Compiler\ServiceLocatorTagPass;
use Symfony\Component\DependencyInjection\ContainerBuilder;
use Symfony\Component\DependencyInjection\Reference;

/** Collects the transforms of message routing: services tagged by `#[AsMessageTransform]` or by hand. */
final class MessageTransformPass implements CompilerPassInterface
{
    public const TAG = 'ossa.message_transform';
    public const TRANSFORMS = '.ossa.message_transforms';

    public function process(ContainerBuilder $container): void
    {
        if (!$container->hasDefinition(self::TRANSFORMS)) {
            return;
        }
        /** @var array<string, array{service: string, method: string}> $transforms */
        $transforms = [];
        foreach ($container->findTaggedServiceIds(self::TAG, true) as $service => $tags) {
            foreach ($tags as $tag) {
                $name = $tag['transform'] ?? null;
                $method = $tag['method'] ?? '__invoke';
                if (!\is_string($name) || '' === $name || !\is_string($method)) {
                    throw new LogicException(\sprintf('The tag "%s" of the service "%s" needs a "transform", and takes a "method".', self::TAG, $service));
                }
                ServiceMethod::checkedClass($container, $service, $method, \sprintf('the transform "%s"', $name));
                if (isset($transforms[$name])) {
                    throw new LogicException(\sprintf('The transform "%s" is made twice: by %s::%s() and by %s::%s(). Keep one.', $name, $transforms[$name]['service'], $transforms[$name]['method'], $service, $method));
                }
                $transforms[$name] = ['service' => $service, 'method' => $method];
            }
        }
        ksort($transforms);
        $services = array_values(array_unique(array_column($transforms, 'service')));
        $container->getDefinition(self::TRANSFORMS)->setArguments([
            ServiceLocatorTagPass::register($container, array_combine($services, array_map(static fn (string $id): Reference => new Reference($id), $services))),
            $transforms,
        ]);
    }
}
