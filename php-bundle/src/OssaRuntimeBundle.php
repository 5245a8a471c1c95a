<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime;

use Ossa\SymfonyRuntime\Attribute\AsCapability;
use Ossa\SymfonyRuntime\Attribute\AsChannelListener;
use Ossa\SymfonyRuntime\Attribute\AsMessageTransform;
use Ossa\SymfonyRuntime\Console\TimeOption;
use Ossa\SymfonyRuntime\DependencyInjection\CapabilityPass;
use Ossa\SymfonyRuntime\DependencyInjection\ChannelListenerPass;
use Ossa\SymfonyRuntime\DependencyInjection\MessageTransformPass;
use Ossa\SymfonyRuntime\DependencyInjection\MessengerPass;
use Ossa\SymfonyRuntime\Exception\LogicException;
use Ossa\SymfonyRuntime\Store\DoctrineDsn;
use Symfony\Component\Config\Definition\Configurator\DefinitionConfigurator;
use Symfony\Component\DependencyInjection\ChildDefinition;
use Symfony\Component\DependencyInjection\Compiler\PassConfig;
use Symfony\Component\DependencyInjection\ContainerBuilder;
use Symfony\Component\DependencyInjection\ContainerInterface;
use Symfony\Component\DependencyInjection\Loader\Configurator\ContainerConfigurator;
use Symfony\Component\DependencyInjection\Reference;
use Symfony\Component\HttpKernel\Bundle\AbstractBundle;

/** Runs OSSA tasks and workflows through Symfony Messenger. */
final class OssaRuntimeBundle extends AbstractBundle
{
    /** The transport that the bundle brings along, for applications that name none. */
    private const OWN_TRANSPORT = 'ossa';
    /** The same for messages of channels. */
    private const CHANNEL_TRANSPORT = 'ossa_channels';

    protected string $extensionAlias = 'ossa';

    public function configure(DefinitionConfigurator $definition): void
    {
        $definition->import('../config/definition.php');
    }

    public function prependExtension(ContainerConfigurator $container, ContainerBuilder $builder): void
    {
        $transport = self::OWN_TRANSPORT;
        foreach ($builder->getExtensionConfig($this->extensionAlias) as $config) {
            $transport = $config['runtime']['transport'] ?? $transport;
        }
        // The application's own definitions of these transports, if it has any, win.
        $own = [self::CHANNEL_TRANSPORT => 'ossa-channels://default'];
        if (self::OWN_TRANSPORT === $transport) {
            $own[self::OWN_TRANSPORT] = 'ossa://default';
        }
        $builder->prependExtensionConfig('framework', ['messenger' => ['transports' => $own]]);
    }

    /** @param array<array-key, mixed> $config as config/definition.php describes it */
    public function loadExtension(array $config, ContainerConfigurator $container, ContainerBuilder $builder): void
    {
        if (!\extension_loaded('ossa')) {
            throw new LogicException('The PHP extension "ossa" is not loaded. Install it (see the README of ossa/symfony-runtime), then check with "php --ri ossa".');
        }
        $container->import('../config/services.php');
        $runtime = $config['runtime'];
        $builder->setParameter(MessengerPass::TRANSPORT, $runtime['transport']);
        $builder->setParameter(MessengerPass::CHANNEL_TRANSPORT, self::CHANNEL_TRANSPORT);
        $builder->getDefinition('ossa.channel_publisher')->setArgument('$source', $config['messaging']['source']);
        $builder->setParameter(CapabilityPass::BINDINGS, $config['bindings']);
        $builder->setParameter(CapabilityPass::BREAKERS, array_map(static fn (array $breaker): array => array_filter($breaker, static fn (mixed $value): bool => null !== $value), $config['breakers']));
        $builder->getDefinition(MessengerPass::ENGINE_FACTORY)->setArguments([
            '$stateBackend' => $runtime['state_backend'],
            '$transportDsn' => '',
            '$transportOptions' => [],
            '$manifestPaths' => $config['manifest_paths'],
            '$validation' => $config['validation'],
            '$defaultRetry' => $runtime['retry'],
            '$leaseSeconds' => $runtime['lease_seconds'],
            '$channels' => array_map(static fn (array $settings): array => array_filter($settings, static fn (mixed $value): bool => null !== $value), $config['messaging']['channels']),
            '$transforms' => new Reference(MessageTransformPass::TRANSFORMS),
            '$connections' => new Reference('doctrine', ContainerInterface::NULL_ON_INVALID_REFERENCE),
            // An unset variable stays unset for expressions, too.
            '$env' => array_combine($config['env'], array_map(static fn (string $name): string => \sprintf('%%env(default::%s)%%', $name), $config['env'])),
        ]);
        $builder->getDefinition('ossa.transport_factory')->setArgument('$leaseSeconds', $runtime['lease_seconds']);
        $builder->getDefinition('.ossa.schema_filter')
            ->setArgument('$stateBackend', $runtime['state_backend'])
            ->addTag('doctrine.dbal.schema_filter', DoctrineDsn::supports($runtime['state_backend']) ? ['connection' => DoctrineDsn::parse($runtime['state_backend'])->connection] : []);
        $builder->getDefinition('.ossa.relay')->setArgument('$transport', $runtime['transport']);
        $builder->getDefinition('.ossa.transactional_steps')
            ->setArgument('$connectionName', $config['transactions']['connection'])
            ->setArgument('$table', $config['transactions']['table'])
            ->setArgument('$autoSetup', $config['transactions']['auto_setup']);
        $builder->getDefinition('.ossa.command.route')
            ->setArgument('$manifestPaths', $config['manifest_paths']);
        $builder->getDefinition('.ossa.command.validate')
            ->setArgument('$manifestPaths', $config['manifest_paths'])
            ->setArgument('$validation', $config['validation']);
        $builder->getDefinition('.ossa.command.run_prune')->setArgument('$retention', array_map(static fn (array $rule): array => [
            'max_age_seconds' => null === $rule['max_age'] ? null : TimeOption::seconds($rule['max_age']),
            'max_count' => $rule['max_count'],
        ], $runtime['retention']));
        $builder->getDefinition('.ossa.command.dispatch')->setArgument('$transport', $runtime['transport']);

        $builder->registerAttributeForAutoconfiguration(AsChannelListener::class, static function (ChildDefinition $definition, AsChannelListener $listener, \Reflector $target): void {
            $definition->addTag(ChannelListenerPass::TAG, $listener->toTag($target instanceof \ReflectionMethod ? $target->getName() : null));
        });
        $builder->registerAttributeForAutoconfiguration(AsMessageTransform::class, static function (ChildDefinition $definition, AsMessageTransform $transform, \Reflector $target): void {
            $method = $target instanceof \ReflectionMethod ? $target->getName() : $transform->method ?? '__invoke';
            $definition->addTag(MessageTransformPass::TAG, ['transform' => $transform->name, 'method' => $method]);
        });
        $builder->registerAttributeForAutoconfiguration(AsCapability::class, static function (ChildDefinition $definition, AsCapability $capability, \Reflector $target): void {
            $definition->addTag(CapabilityPass::TAG, $capability->toTag($target instanceof \ReflectionMethod ? $target->getName() : null));
        });
    }

    public function build(ContainerBuilder $container): void
    {
        $container->addCompilerPass(new CapabilityPass());
        $container->addCompilerPass(new ChannelListenerPass());
        $container->addCompilerPass(new MessageTransformPass());
        $container->addCompilerPass(new MessengerPass(), PassConfig::TYPE_BEFORE_OPTIMIZATION, 16);
    }
}
