<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\DependencyInjection;

use Ossa\SymfonyRuntime\Exception\LogicException;
use Symfony\Component\DependencyInjection\Compiler\CompilerPassInterface;
use Symfony\Component\DependencyInjection\Compiler\ServiceLocatorTagPass;
use Symfony\Component\DependencyInjection\ContainerBuilder;
use Symfony\Component\DependencyInjection\Reference;

/**
 * Collects the listeners of channels: services tagged by `#[AsChannelListener]` or by hand.
 *
 * A listener of a channel is a subscriber of its own, which the engine is told of; those of an agent are handlers of the
 * subscriber that the agent's manifest describes.
 */
final class ChannelListenerPass implements CompilerPassInterface
{
    public const TAG = 'ossa.channel_listener';
    public const REGISTRY = '.ossa.listener_registry';
    public const SUBSCRIPTIONS = '.ossa.listener_subscriptions';

    private const KEYS = ['channel', 'name', 'agent', 'handler', 'source', 'filter', 'priority', 'guarantee', 'ordering', 'max_concurrency', 'timeout_ms', 'retry', 'breaker', 'transport', 'method'];
    /** What the engine takes as it stands. */
    private const TERMS = ['guarantee', 'ordering', 'max_concurrency', 'timeout_ms', 'retry'];

    public function process(ContainerBuilder $container): void
    {
        if (!$container->hasDefinition(self::REGISTRY)) {
            return;
        }
        /** @var array<string, array<string, array{service: string, method: string, transport: ?string}>> $listeners */
        $listeners = [];
        /** @var array<string, array<string, mixed>> $subscribers */
        $subscribers = [];
        /** @var array<string, array<string, mixed>> $breakers */
        $breakers = [];
        foreach ($container->findTaggedServiceIds(self::TAG, true) as $service => $tags) {
            foreach ($tags as $tag) {
                $unknown = array_diff(array_keys($tag), self::KEYS);
                if ([] !== $unknown) {
                    throw new LogicException(\sprintf('The tag "%s" of the service "%s" has an unknown attribute "%s"; there are: %s.', self::TAG, $service, current($unknown), implode(', ', self::KEYS)));
                }
                $method = self::text($tag, 'method') ?? '__invoke';
                $class = ServiceMethod::checkedClass($container, $service, $method, '#[AsChannelListener]');
                $this->checkTransport($container, $service, self::text($tag, 'transport'));
                $name = self::text($tag, 'agent') ?? self::text($tag, 'name') ?? self::nameOf($class, $method);
                $handler = self::text($tag, 'handler') ?? '';
                $listener = ['service' => $service, 'method' => $method, 'transport' => self::text($tag, 'transport')];
                $known = $listeners[$name][$handler] ?? $listener;
                if ($known !== $listener) {
                    throw new LogicException(\sprintf('"%s"%s has two listeners: %s::%s() and %s::%s(). Give one of them a "name" of its own.', $name, '' === $handler ? '' : \sprintf(' with the handler "%s"', $handler), $known['service'], $known['method'], $service, $method));
                }
                $listeners[$name][$handler] = $listener;
                if (\is_array($tag['breaker'] ?? null)) {
                    $breakers[$name] = $tag['breaker'];
                }
                if (isset($tag['channel'])) {
                    $subscribers[$name] = self::subscriber($subscribers[$name] ?? ['name' => $name, 'subscriptions' => []], $tag);
                }
            }
        }
        ksort($listeners);
        ksort($subscribers);
        $services = array_values(array_unique(array_merge(...array_map(static fn (array $handlers): array => array_column($handlers, 'service'), array_values($listeners)))));
        $container->getDefinition(self::REGISTRY)->setArguments([
            ServiceLocatorTagPass::register($container, array_combine($services, array_map(static fn (string $id): Reference => new Reference($id), $services))),
            $listeners,
        ]);
        $container->getDefinition(self::SUBSCRIPTIONS)->setArgument('$subscribers', array_values($subscribers));
        // Those that are configured come first.
        $factory = $container->getDefinition(MessengerPass::ENGINE_FACTORY);
        /** @var array<string, array<string, mixed>> $known */
        $known = $factory->getArguments()['$breakers'] ?? [];
        $factory->setArgument('$breakers', $known + $breakers);
    }

    /**
     * @param array<string, mixed> $subscriber as known so far
     * @param array<string, mixed> $tag
     *
     * @return array<string, mixed>
     */
    private static function subscriber(array $subscriber, array $tag): array
    {
        \assert(\is_array($subscriber['subscriptions']));
        $subscriber['subscriptions'][] = array_intersect_key($tag, array_flip(['channel', 'source', 'filter', 'priority']));

        return array_intersect_key($tag, array_flip(self::TERMS)) + $subscriber;
    }

    /** @param class-string $class */
    private static function nameOf(string $class, string $method): string
    {
        $short = substr((string) strrchr('\\'.$class, '\\'), 1);
        $name = strtolower((string) preg_replace('/(?<=[a-z0-9])(?=[A-Z])/', '-', $short));

        return '__invoke' === $method ? $name : $name.'.'.strtolower((string) preg_replace('/(?<=[a-z0-9])(?=[A-Z])/', '-', $method));
    }

    /** @param array<string, mixed> $tag */
    private static function text(array $tag, string $key): ?string
    {
        $value = $tag[$key] ?? null;

        return \is_string($value) && '' !== $value ? $value : null;
    }

    private function checkTransport(ContainerBuilder $container, string $service, ?string $transport): void
    {
        if (null !== $transport && !$container->has('messenger.transport.'.$transport)) {
            throw new LogicException(\sprintf('The listener "%s" names "%s", which is no Messenger transport.', $service, $transport));
        }
    }
}
