<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Handler;

use Ossa\Runtime\ChannelDelivery;
use Ossa\SymfonyRuntime\Channel\CurrentDelivery;
use Ossa\SymfonyRuntime\Channel\DeliveryInHand;
use Ossa\SymfonyRuntime\Channel\ListenerRegistry;
use Ossa\SymfonyRuntime\Exception\LogicException;
use Ossa\SymfonyRuntime\Execution\ArgumentMapper;
use Ossa\SymfonyRuntime\Message\OssaChannelMessage;
use Ossa\SymfonyRuntime\Stamp\ChannelListenerStamp;
use Symfony\Component\Messenger\Attribute\AsMessageHandler;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\MessageBusInterface;
use Symfony\Component\Messenger\Stamp\TransportNamesStamp;

/** Calls the listener that a message of a channel is for, or passes the message on to the transport that it names. */
#[AsMessageHandler]
final readonly class OssaChannelHandler
{
    public function __construct(
        private ListenerRegistry $listeners,
        private ArgumentMapper $arguments,
        private CurrentDelivery $current,
        private MessageBusInterface $bus,
    ) {
    }

    /** @throws \Throwable whatever the listener throws */
    public function __invoke(OssaChannelMessage $message, ?Envelope $envelope = null): void
    {
        $delivery = $envelope?->last(DeliveryInHand::class)?->delivery;
        $stamp = $envelope?->last(ChannelListenerStamp::class);
        if (null === $delivery && null === $stamp) {
            throw new LogicException(\sprintf('"%s" is published by a transport for channels, and none is routed to: route it to "ossa_channels", or leave its routing to the bundle.', OssaChannelMessage::class));
        }
        [$subscriber, $handler] = null !== $delivery ? [$delivery->getSubscriber(), $delivery->getHandler()] : [$stamp->subscriber, $stamp->handler];
        $transport = null === $delivery ? null : $this->listeners->transport($subscriber, $handler);
        if (null !== $transport) {
            $this->bus->dispatch($message, [new TransportNamesStamp([$transport]), new ChannelListenerStamp($subscriber, $handler)]);

            return;
        }
        $listener = $this->listeners->listener($subscriber, $handler);
        $given = [OssaChannelMessage::class => $message] + (null === $delivery ? [] : [ChannelDelivery::class => $delivery]);
        $arguments = $this->arguments->map($listener, $message->getPayload(), $given, 'payload');
        $this->current->during($message, static fn () => ($listener->call)(...$arguments));
    }
}
