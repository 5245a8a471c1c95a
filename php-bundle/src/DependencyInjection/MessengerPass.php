<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\DependencyInjection;

use Ossa\SymfonyRuntime\Exception\LogicException;
use Ossa\SymfonyRuntime\Message\OssaChannelMessage;
use Ossa\SymfonyRuntime\Message\OssaStepMessage;
use Ossa\SymfonyRuntime\Message\OssaTaskMessage;
use Ossa\SymfonyRuntime\Message\OssaWorkflowMessage;
use Ossa\SymfonyRuntime\Retry\ManifestRetryStrategy;
use Symfony\Component\DependencyInjection\Compiler\CompilerPassInterface;
use Symfony\Component\DependencyInjection\Compiler\ServiceLocatorTagPass;
use Symfony\Component\DependencyInjection\ContainerBuilder;
use Symfony\Component\DependencyInjection\Definition;
use Symfony\Component\DependencyInjection\Reference;
use Symfony\Component\Messenger\Exception\RecoverableMessageHandlingException;

/**
 * Joins the engine to the Messenger transports, buses and retry strategies of the application. Runs before Messenger's
 * own pass.
 */
final class MessengerPass implements CompilerPassInterface
{
    public const TRANSPORT = '.ossa.transport';
    public const CHANNEL_TRANSPORT = '.ossa.channel_transport';
    public const ENGINE_FACTORY = '.ossa.engine_factory';
    public const STEP_MIDDLEWARE = 'ossa.step_middleware';
    public const CONTEXT_MIDDLEWARE = 'ossa.context_middleware';
    public const CHANNEL_MIDDLEWARE = 'ossa.channel_middleware';
    public const UNDECODABLE_HANDLER = '.ossa.handler.undecodable';
    public const DEAD_LETTER_LISTENER = '.ossa.listener.dead_letter';
    public const CONFIGURED_TRANSPORTS = '.ossa.configured_transports';
    public const DOCTOR = '.ossa.doctor';

    public function process(ContainerBuilder $container): void
    {
        if (!$container->hasDefinition(self::ENGINE_FACTORY)) {
            return;
        }
        if (!$container->hasDefinition('messenger.senders_locator')) {
            throw new LogicException('OSSA runs on Symfony Messenger, which is switched off: set "framework.messenger.enabled" to true.');
        }
        $transport = $container->getParameter(self::TRANSPORT);
        \assert(\is_string($transport));
        $container->getParameterBag()->remove(self::TRANSPORT);
        $channels = $container->getParameter(self::CHANNEL_TRANSPORT);
        \assert(\is_string($channels));
        $container->getParameterBag()->remove(self::CHANNEL_TRANSPORT);

        $this->tellTheEngineItsTransport($container, $transport);
        $this->route($container, [OssaTaskMessage::class => $transport, OssaWorkflowMessage::class => $transport, OssaStepMessage::class => $transport, OssaChannelMessage::class => $channels]);
        $this->addMiddleware($container);
        $this->useManifestDelays($container);
        $this->handTransportsOver($container);
    }

    private function tellTheEngineItsTransport(ContainerBuilder $container, string $transport): void
    {
        $id = 'messenger.transport.'.$transport;
        if (!$container->has($id)) {
            $known = array_map(static fn (string $id): string => substr($id, \strlen('messenger.transport.')), array_keys($this->transports($container)));
            throw new LogicException(\sprintf('"ossa.runtime.transport" names "%s", which is no Messenger transport; there are: %s. Add it under "framework.messenger.transports".', $transport, [] === $known ? 'none' : implode(', ', $known)));
        }
        $arguments = $container->findDefinition($id)->getArguments();
        $container->getDefinition(self::ENGINE_FACTORY)
            ->setArgument('$transportDsn', \is_string($arguments[0] ?? null) ? $arguments[0] : '')
            ->setArgument('$transportOptions', \is_array($arguments[1] ?? null) ? $arguments[1] : []);
    }

    /**
     * Sends the messages of this bundle to their transports, where the application does not route them itself.
     *
     * @param array<class-string, string> $ours
     */
    private function route(ContainerBuilder $container, array $ours): void
    {
        $locator = $container->getDefinition('messenger.senders_locator');
        $routes = $locator->getArgument(0);
        \assert(\is_array($routes));
        foreach ($ours as $message => $transport) {
            if ([] === array_intersect_key($routes, array_flip($this->typesOf($message)))) {
                $routes[$message] = [$transport];
            }
        }
        $locator->replaceArgument(0, $routes);
    }

    /**
     * @param class-string $message
     *
     * @return list<string> everything by which this message may be routed, the catch-all "*" apart
     */
    private function typesOf(string $message): array
    {
        $reflection = new \ReflectionClass($message);
        $parent = $reflection->getParentClass();
        $types = [$message, ...$reflection->getInterfaceNames(), ...(false === $parent ? [] : [$parent->getName()])];
        for ($namespace = $message; false !== $end = strrpos($namespace, '\\');) {
            $namespace = substr($namespace, 0, $end);
            $types[] = $namespace.'\\*';
        }

        return $types;
    }

    private function addMiddleware(ContainerBuilder $container): void
    {
        foreach (array_keys($container->findTaggedServiceIds('messenger.bus')) as $bus) {
            if (!$container->hasParameter($bus.'.middleware')) {
                continue;
            }
            /** @var list<array{id: string, arguments?: list<mixed>}> $middleware */
            $middleware = $container->getParameter($bus.'.middleware');
            $sending = array_search('send_message', array_column($middleware, 'id'), true);
            array_splice($middleware, \is_int($sending) ? $sending : \count($middleware), 0, [['id' => self::CONTEXT_MIDDLEWARE]]);
            array_unshift($middleware, ['id' => self::STEP_MIDDLEWARE], ['id' => self::CHANNEL_MIDDLEWARE]);
            $container->setParameter($bus.'.middleware', $middleware);
        }
    }

    /** Before 7.2 Messenger asks only the transport's strategy for the delay of a retry. */
    private function useManifestDelays(ContainerBuilder $container): void
    {
        if (method_exists(RecoverableMessageHandlingException::class, 'getRetryDelay') || !$container->hasDefinition('messenger.retry_strategy_locator')) {
            return;
        }
        $locator = $container->getDefinition('messenger.retry_strategy_locator');
        $strategies = $locator->getArgument(0);
        \assert(\is_array($strategies));
        foreach ($strategies as $transport => $strategy) {
            $id = '.ossa.retry_strategy.'.$transport;
            $container->setDefinition($id, new Definition(ManifestRetryStrategy::class, [$strategy]));
            $strategies[$transport] = new Reference($id);
        }
        $locator->replaceArgument(0, $strategies);
    }

    private function handTransportsOver(ContainerBuilder $container): void
    {
        $serializers = $transports = [];
        foreach ($this->transports($container) as $id => $definition) {
            $name = substr($id, \strlen('messenger.transport.'));
            [$dsn, $options, $serializer] = $definition->getArguments() + [null, null, null];
            if ($serializer instanceof Reference) {
                $serializers[$name] = $serializer;
                if (\is_string($dsn) && \is_array($options)) {
                    $transports[$name] = ['dsn' => $dsn, 'options' => $options];
                }
            }
        }
        $serializers = ServiceLocatorTagPass::register($container, $serializers);
        $container->getDefinition(self::UNDECODABLE_HANDLER)->setArgument('$serializers', $serializers);
        $container->getDefinition(self::CONFIGURED_TRANSPORTS)->setArgument('$transports', $transports)->setArgument('$serializers', $serializers);
        $container->getDefinition(self::DOCTOR)->setArgument('$transports', array_keys($transports));

        $failures = 'messenger.failure.send_failed_message_to_failure_transport_listener';
        $byTransport = $container->hasDefinition($failures) ? $container->getDefinition($failures)->getArguments()[2] ?? [] : [];
        $container->getDefinition(self::DEAD_LETTER_LISTENER)->setArgument('$failureTransports', \is_array($byTransport) ? $byTransport : []);
    }

    /** @return array<string, Definition> by service id */
    private function transports(ContainerBuilder $container): array
    {
        return array_filter($container->getDefinitions(), static fn (Definition $definition, string $id): bool => $definition->hasTag('messenger.receiver') && str_starts_with($id, 'messenger.transport.'), \ARRAY_FILTER_USE_BOTH);
    }
}
