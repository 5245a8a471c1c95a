<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\DependencyInjection;

use Ossa\SymfonyRuntime\Exception\LogicException;
use Symfony\Component\DependencyInjection\Compiler\CompilerPassInterface;
use Symfony\Component\DependencyInjection\Compiler\ServiceLocatorTagPass;
use Symfony\Component\DependencyInjection\ContainerBuilder;
use Symfony\Component\DependencyInjection\Reference;

/**
 * Collects the handlers: services tagged by `#[AsCapability]` or by hand, and those named under `ossa.bindings`.
 *
 * The result is the list of all that steps may call; a manifest cannot add to it.
 */
final class CapabilityPass implements CompilerPassInterface
{
    public const TAG = 'ossa.capability';
    public const BINDINGS = '.ossa.bindings';
    public const BREAKERS = '.ossa.breakers';
    public const REGISTRY = '.ossa.handler_registry';

    private const KINDS = ['capability', 'task', 'step', 'entrypoint'];

    public function process(ContainerBuilder $container): void
    {
        if (!$container->hasDefinition(self::REGISTRY)) {
            return;
        }
        /** @var array<string, array{string, string}> $bound */
        $bound = [];
        /** @var array<string, array{string, string}> $proposals */
        $proposals = [];
        /** @var array<string, array<string, array{string, string}>> $byClass */
        $byClass = [];
        /** @var array{retry: array<string, array<string, mixed>>, breaker: array<string, array<string, mixed>>} $policies */
        $policies = ['retry' => [], 'breaker' => []];
        foreach ($this->found($container) as [$key, $service, $method, $source, $said]) {
            $class = ServiceMethod::checkedClass($container, $service, $method, $source);
            $target = [$service, $method];
            if (null !== $key) {
                if (isset($bound[$key]) && $bound[$key] !== $target) {
                    throw new LogicException(\sprintf('The %s is bound twice: to %s::%s() and, by %s, to %s::%s(). Keep one.', str_replace(':', ' "', $key).'"', $bound[$key][0], $bound[$key][1], $source, $service, $method));
                }
                $bound[$key] = $target;
                [, $name] = explode(':', $key, 2);
                foreach ($said as $policy => $options) {
                    $policies[$policy][$name] = $options;
                }
            } elseif ([] !== $said) {
                throw new LogicException(\sprintf('%s has a policy, but no name that it is for.', ucfirst($source)));
            }
            $proposals[$service.'::'.$method] = $target;
            $byClass[$class.'::'.$method][$service] = $target;
        }
        foreach ($byClass as $name => $targets) {
            // With two services of one class, the class alone does not say which.
            if (1 === \count($targets)) {
                $proposals[$name] ??= current($targets);
            }
        }
        ksort($bound);
        ksort($proposals);
        $services = array_unique(array_column([...array_values($bound), ...array_values($proposals)], 0));
        $container->getDefinition(self::REGISTRY)->setArguments([
            ServiceLocatorTagPass::register($container, array_combine($services, array_map(static fn (string $id): Reference => new Reference($id), $services))),
            $bound,
            $proposals,
        ]);
        /** @var array<string, array<string, mixed>> $configured */
        $configured = $container->hasParameter(self::BREAKERS) ? $container->getParameter(self::BREAKERS) : [];
        $container->getParameterBag()->remove(self::BREAKERS);
        $container->getDefinition(MessengerPass::ENGINE_FACTORY)
            ->setArgument('$retries', $policies['retry'])
            ->setArgument('$breakers', $configured + $policies['breaker']);
    }

    /** @return iterable<array{string|null, string, string, string, array{retry?: array<string, mixed>, breaker?: array<string, mixed>}}> key, service, method, where it was found, policies */
    private function found(ContainerBuilder $container): iterable
    {
        foreach ($container->findTaggedServiceIds(self::TAG, true) as $service => $tags) {
            foreach ($tags as $tag) {
                $source = \sprintf('the tag "%s" of the service "%s"', self::TAG, $service);
                $method = $tag['method'] ?? '__invoke';
                $keys = array_intersect_key($tag, array_flip(self::KINDS));
                $said = array_intersect_key($tag, ['retry' => true, 'breaker' => true]);
                $unknown = array_diff_key($tag, array_flip([...self::KINDS, 'method']), $said);
                if ([] !== $unknown || \count($keys) > 1) {
                    throw new LogicException(\sprintf('A tag "%s" takes "method", "retry", "breaker" and at most one of: %s; that of the service "%s" has: %s.', self::TAG, implode(', ', self::KINDS), $service, implode(', ', array_keys($tag))));
                }
                yield [[] === $keys ? null : key($keys).':'.current($keys), $service, $method, $source, $said];
            }
        }
        /** @var array<string, array{service: string, method: string}> $bindings */
        $bindings = $container->hasParameter(self::BINDINGS) ? $container->getParameter(self::BINDINGS) : [];
        $container->getParameterBag()->remove(self::BINDINGS);
        foreach ($bindings as $capability => ['service' => $service, 'method' => $method]) {
            yield ['capability:'.$capability, ltrim($service, '@'), $method, \sprintf('"ossa.bindings.%s"', $capability), []];
        }
    }
}
