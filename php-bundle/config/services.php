<?php

declare(strict_types=1);

namespace Symfony\Component\DependencyInjection\Loader\Configurator;

use Ossa\Runtime\Engine;
use Ossa\SymfonyRuntime\BatchDispatcher;
use Ossa\SymfonyRuntime\Breaker\CircuitBreaker;
use Ossa\SymfonyRuntime\Channel\ChannelPublisher;
use Ossa\SymfonyRuntime\Channel\CurrentDelivery;
use Ossa\SymfonyRuntime\Channel\ListenerRegistry;
use Ossa\SymfonyRuntime\Channel\ListenerSubscriptions;
use Ossa\SymfonyRuntime\Channel\MessageTransforms;
use Ossa\SymfonyRuntime\Command\BreakerListCommand;
use Ossa\SymfonyRuntime\Command\BreakerResetCommand;
use Ossa\SymfonyRuntime\Command\ChannelPruneCommand;
use Ossa\SymfonyRuntime\Command\DispatchCommand;
use Ossa\SymfonyRuntime\Command\DlqEditCommand;
use Ossa\SymfonyRuntime\Command\DlqListCommand;
use Ossa\SymfonyRuntime\Command\DlqRemoveCommand;
use Ossa\SymfonyRuntime\Command\DlqReplayCommand;
use Ossa\SymfonyRuntime\Command\DlqShowCommand;
use Ossa\SymfonyRuntime\Command\DlqStatsCommand;
use Ossa\SymfonyRuntime\Command\DoctorCommand;
use Ossa\SymfonyRuntime\Command\RouteCommand;
use Ossa\SymfonyRuntime\Command\RunDecideCommand;
use Ossa\SymfonyRuntime\Command\RunExportCommand;
use Ossa\SymfonyRuntime\Command\RunHistoryCommand;
use Ossa\SymfonyRuntime\Command\RunImportCommand;
use Ossa\SymfonyRuntime\Command\RunListCommand;
use Ossa\SymfonyRuntime\Command\RunMigrateCommand;
use Ossa\SymfonyRuntime\Command\RunOrderCommand;
use Ossa\SymfonyRuntime\Command\RunPruneCommand;
use Ossa\SymfonyRuntime\Command\RunShowCommand;
use Ossa\SymfonyRuntime\Command\RunSignalCommand;
use Ossa\SymfonyRuntime\Command\RunWhyCommand;
use Ossa\SymfonyRuntime\Command\StoreSetupCommand;
use Ossa\SymfonyRuntime\Command\TransportDrainCommand;
use Ossa\SymfonyRuntime\Command\ValidateCommand;
use Ossa\SymfonyRuntime\Console\RunOrder;
use Ossa\SymfonyRuntime\Context\OssaContextProvider;
use Ossa\SymfonyRuntime\DependencyInjection\CapabilityPass;
use Ossa\SymfonyRuntime\DependencyInjection\ChannelListenerPass;
use Ossa\SymfonyRuntime\DependencyInjection\MessageTransformPass;
use Ossa\SymfonyRuntime\DependencyInjection\MessengerPass;
use Ossa\SymfonyRuntime\Doctor\Doctor;
use Ossa\SymfonyRuntime\Drain\ConfiguredTransports;
use Ossa\SymfonyRuntime\EngineFactory;
use Ossa\SymfonyRuntime\EventListener\DeadLetterListener;
use Ossa\SymfonyRuntime\EventListener\WorkerListener;
use Ossa\SymfonyRuntime\Execution\ArgumentMapper;
use Ossa\SymfonyRuntime\Execution\AttemptInFlight;
use Ossa\SymfonyRuntime\Execution\HandlerRegistry;
use Ossa\SymfonyRuntime\Execution\OutputNormalizer;
use Ossa\SymfonyRuntime\Execution\StepAttempt;
use Ossa\SymfonyRuntime\Execution\StepExecutor;
use Ossa\SymfonyRuntime\Execution\StepReporter;
use Ossa\SymfonyRuntime\Execution\ValueConverter;
use Ossa\SymfonyRuntime\Handler\OssaChannelHandler;
use Ossa\SymfonyRuntime\Handler\OssaStepHandler;
use Ossa\SymfonyRuntime\Handler\OssaTaskHandler;
use Ossa\SymfonyRuntime\Handler\OssaUndecodableHandler;
use Ossa\SymfonyRuntime\Handler\OssaWorkflowHandler;
use Ossa\SymfonyRuntime\Handler\StartMessageHandler;
use Ossa\SymfonyRuntime\Middleware\ChannelMiddleware;
use Ossa\SymfonyRuntime\Middleware\OssaContextMiddleware;
use Ossa\SymfonyRuntime\Middleware\StepMiddleware;
use Ossa\SymfonyRuntime\OssaRuntime;
use Ossa\SymfonyRuntime\Relay\StepRelay;
use Ossa\SymfonyRuntime\Store\SchemaFilter;
use Ossa\SymfonyRuntime\Transaction\TransactionalSteps;
use Ossa\SymfonyRuntime\Transport\ChannelTransportFactory;
use Ossa\SymfonyRuntime\Transport\OssaTransportFactory;
use Ossa\SymfonyRuntime\Transport\SendBatch;
use Ossa\SymfonyRuntime\Transport\WorkerTransports;

return static function (ContainerConfigurator $container): void {
    $services = $container->services();
    $serializer = service('serializer')->nullOnInvalid();
    $logger = service('logger')->nullOnInvalid();

    $services
        ->set(MessengerPass::ENGINE_FACTORY, EngineFactory::class)
        ->set(MessageTransformPass::TRANSFORMS, MessageTransforms::class)
        ->set('ossa.engine', Engine::class)
            ->factory([service(MessengerPass::ENGINE_FACTORY), 'create'])
        ->alias(Engine::class, 'ossa.engine')
        ->set('.ossa.schema_filter', SchemaFilter::class)
            ->args(['$stateBackend' => abstract_arg('state backend')])
        ->set('ossa.runtime', OssaRuntime::class)
            ->args([service('ossa.engine'), service('.ossa.relay')])
        ->alias(OssaRuntime::class, 'ossa.runtime')
        ->set('ossa.circuit_breaker', CircuitBreaker::class)
            ->args([service('ossa.engine')])
        ->alias(CircuitBreaker::class, 'ossa.circuit_breaker')
        ->set('ossa.context_provider', OssaContextProvider::class)
            ->tag('kernel.reset', ['method' => 'reset'])
        ->alias(OssaContextProvider::class, 'ossa.context_provider');

    $services
        ->set(CapabilityPass::REGISTRY, HandlerRegistry::class)
            ->args([abstract_arg('services'), [], []])
        ->set('.ossa.value_converter', ValueConverter::class)
            ->args([$serializer])
        ->set('.ossa.argument_mapper', ArgumentMapper::class)
            ->args([service('.ossa.value_converter')])
        ->set('.ossa.output_normalizer', OutputNormalizer::class)
            ->args([$serializer])
        ->set('.ossa.step_executor', StepExecutor::class)
            ->args([service(CapabilityPass::REGISTRY), service('.ossa.argument_mapper'), service('.ossa.output_normalizer'), service('ossa.context_provider'), service('.ossa.transactional_steps')])
        ->set('.ossa.transactional_steps', TransactionalSteps::class)
            ->args([service('ossa.engine'), service('doctrine')->nullOnInvalid(), '$connectionName' => abstract_arg('connection'), '$table' => abstract_arg('table'), '$autoSetup' => abstract_arg('whether to create the table'), '$configuration' => service(MessengerPass::ENGINE_FACTORY)])
        ->set('.ossa.attempt_in_flight', AttemptInFlight::class)
            ->args([service('ossa.engine')])
        ->set('.ossa.step_reporter', StepReporter::class)
            ->args([service('ossa.engine')])
        ->set('.ossa.step_attempt', StepAttempt::class)
            ->args([service('ossa.engine'), service('.ossa.step_reporter'), service('.ossa.attempt_in_flight'), service('ossa.context_provider'), service('.ossa.relay'), service(MessengerPass::ENGINE_FACTORY), service('.ossa.transactional_steps'), $logger])
            ->tag('monolog.logger', ['channel' => 'ossa']);

    $services
        ->set('.ossa.start_handler', StartMessageHandler::class)
            ->args([service('ossa.runtime'), service('ossa.context_provider')])
        ->set(OssaTaskHandler::class)
            ->args([service('.ossa.start_handler')])
            ->autoconfigure()
        ->set(OssaWorkflowHandler::class)
            ->args([service('.ossa.start_handler')])
            ->autoconfigure()
        ->set(OssaStepHandler::class)
            ->args([service('.ossa.step_executor')])
            ->autoconfigure()
        ->set(MessengerPass::UNDECODABLE_HANDLER, OssaUndecodableHandler::class)
            ->args(['$serializers' => abstract_arg('serializers by transport'), '$bus' => service('messenger.default_bus')])
            ->autoconfigure();

    $services
        ->set('.ossa.worker_transports', WorkerTransports::class)
        ->set('.ossa.send_batch', SendBatch::class)
        ->set('ossa.batch_dispatcher', BatchDispatcher::class)
            ->args([service('messenger.default_bus'), service('.ossa.send_batch')])
        ->alias(BatchDispatcher::class, 'ossa.batch_dispatcher')
        ->set('ossa.transport_factory', OssaTransportFactory::class)
            ->args([service_closure('ossa.engine'), service('.ossa.worker_transports'), service('.ossa.send_batch')])
            ->tag('messenger.transport_factory')
        ->set('.ossa.relay', StepRelay::class)
            ->args([service('ossa.engine'), service('messenger.default_bus'), service(MessengerPass::ENGINE_FACTORY), '$transport' => abstract_arg('transport'), '$logger' => $logger])
            ->tag('monolog.logger', ['channel' => 'ossa'])
        ->set(MessengerPass::STEP_MIDDLEWARE, StepMiddleware::class)
            ->args([service_closure('.ossa.step_attempt')])
        ->set(MessengerPass::CONTEXT_MIDDLEWARE, OssaContextMiddleware::class)
            ->args([service('ossa.context_provider')])
        ->set('.ossa.listener.worker', WorkerListener::class)
            ->args([service('ossa.engine'), service('.ossa.relay'), service('.ossa.worker_transports'), $logger])
            ->tag('kernel.event_subscriber')
            ->tag('monolog.logger', ['channel' => 'ossa'])
        ->set(MessengerPass::DEAD_LETTER_LISTENER, DeadLetterListener::class)
            ->args(['$failureTransports' => abstract_arg('failure transport by transport')])
            ->tag('kernel.event_subscriber');

    $services
        ->set(ChannelListenerPass::REGISTRY, ListenerRegistry::class)
            ->args([abstract_arg('services'), []])
        ->set(ChannelListenerPass::SUBSCRIPTIONS, ListenerSubscriptions::class)
            ->args([service('ossa.engine'), '$subscribers' => []])
        ->set('.ossa.current_delivery', CurrentDelivery::class)
            ->tag('kernel.reset', ['method' => 'reset'])
        ->set('ossa.channel_publisher', ChannelPublisher::class)
            ->args([service('ossa.engine'), service(ChannelListenerPass::SUBSCRIPTIONS), service('ossa.context_provider'), service('.ossa.current_delivery'), '$source' => abstract_arg('source')])
        ->alias(ChannelPublisher::class, 'ossa.channel_publisher')
        ->set('ossa.channel_transport_factory', ChannelTransportFactory::class)
            ->args([service_closure('ossa.engine'), service_closure('ossa.channel_publisher'), service(ChannelListenerPass::REGISTRY), service_closure(ChannelListenerPass::SUBSCRIPTIONS), service('.ossa.worker_transports')])
            ->tag('messenger.transport_factory')
        ->set(MessengerPass::CHANNEL_MIDDLEWARE, ChannelMiddleware::class)
            ->args([$logger])
            ->tag('monolog.logger', ['channel' => 'ossa'])
        ->set(OssaChannelHandler::class)
            ->args([service(ChannelListenerPass::REGISTRY), service('.ossa.argument_mapper'), service('.ossa.current_delivery'), service('messenger.default_bus')])
            ->autoconfigure();

    $services
        ->set('.ossa.command.channel_prune', ChannelPruneCommand::class)
            ->args([service('ossa.engine')])
            ->tag('console.command');

    foreach (['list' => DlqListCommand::class, 'show' => DlqShowCommand::class, 'edit' => DlqEditCommand::class, 'replay' => DlqReplayCommand::class, 'remove' => DlqRemoveCommand::class, 'stats' => DlqStatsCommand::class] as $name => $class) {
        $services
            ->set('.ossa.command.dlq_'.$name, $class)
            ->args([service('ossa.engine')])
            ->tag('console.command');
    }

    $services
        ->set('.ossa.command.store_setup', StoreSetupCommand::class)
            ->args([service(MessengerPass::ENGINE_FACTORY)])
            ->tag('console.command')
        ->set('.ossa.command.validate', ValidateCommand::class)
            ->tag('console.command')
        ->set('.ossa.command.route', RouteCommand::class)
            ->args(['$transforms' => service(MessageTransformPass::TRANSFORMS)])
            ->tag('console.command')
        ->set(MessengerPass::CONFIGURED_TRANSPORTS, ConfiguredTransports::class)
            ->args([service('messenger.transport_factory'), '$transports' => abstract_arg('DSN and options by transport'), '$serializers' => abstract_arg('serializers by transport')])
        ->set(MessengerPass::DOCTOR, Doctor::class)
            ->args([service('ossa.engine'), service(CapabilityPass::REGISTRY), service('messenger.receiver_locator'), '$transports' => abstract_arg('names of the transports')])
        ->set('.ossa.command.doctor', DoctorCommand::class)
            ->args([service(MessengerPass::DOCTOR)])
            ->tag('console.command')
        ->set('.ossa.command.transport_drain', TransportDrainCommand::class)
            ->args([service(MessengerPass::CONFIGURED_TRANSPORTS), service('ossa.engine')])
            ->tag('console.command')
        ->set('.ossa.command.dispatch', DispatchCommand::class)
            ->args(['$runtime' => service('ossa.runtime'), '$engine' => service('ossa.engine'), '$relay' => service('.ossa.relay')])
            ->tag('console.command')
        ->set('.ossa.command.run_list', RunListCommand::class)
            ->args([service('ossa.engine')])
            ->tag('console.command')
        ->set('.ossa.command.run_decide', RunDecideCommand::class)
            ->args([service('ossa.engine'), service('ossa.runtime')])
            ->tag('console.command')
        ->set('.ossa.command.run_signal', RunSignalCommand::class)
            ->args([service('ossa.engine'), service('ossa.runtime')])
            ->tag('console.command')
        ->set('.ossa.command.run_show', RunShowCommand::class)
            ->args([service('ossa.engine')])
            ->tag('console.command');

    foreach (['list' => BreakerListCommand::class, 'reset' => BreakerResetCommand::class] as $name => $class) {
        $services
            ->set('.ossa.command.breaker_'.$name, $class)
            ->args([service('ossa.engine')])
            ->tag('console.command');
    }

    foreach (['why' => RunWhyCommand::class, 'history' => RunHistoryCommand::class, 'export' => RunExportCommand::class] as $name => $class) {
        $services
            ->set('.ossa.command.run_'.$name, $class)
            ->args([service('ossa.engine')])
            ->tag('console.command');
    }
    $services
        ->set('.ossa.command.run_migrate', RunMigrateCommand::class)
            ->args([service('ossa.engine'), service('.ossa.relay')])
            ->tag('console.command')
        ->set('.ossa.command.run_import', RunImportCommand::class)
            ->args([service('ossa.engine'), service('.ossa.relay')])
            ->tag('console.command')
        ->set('.ossa.command.run_prune', RunPruneCommand::class)
            ->args([service('ossa.engine'), service('.ossa.transactional_steps'), '$retention' => abstract_arg('retention')])
            ->tag('console.command');

    foreach (RunOrder::cases() as $order) {
        $services
            ->set('.ossa.command.run_'.$order->value, RunOrderCommand::class)
            ->args([service('ossa.engine'), service('.ossa.relay'), $order])
            ->tag('console.command', ['command' => 'ossa:run:'.$order->value, 'description' => $order->description()]);
    }
};
