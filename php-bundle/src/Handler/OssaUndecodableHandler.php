<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Handler;

use Ossa\SymfonyRuntime\Message\OssaUndecodableMessage;
use Psr\Container\ContainerInterface;
use Symfony\Component\Messenger\Attribute\AsMessageHandler;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\MessageBusInterface;
use Symfony\Component\Messenger\Stamp\ReceivedStamp;
use Symfony\Component\Messenger\Transport\Serialization\SerializerInterface;

/** Sends a message that could not be decoded on to the failure transport; handles it once it can be decoded. */
#[AsMessageHandler]
final readonly class OssaUndecodableHandler
{
    /** @param ContainerInterface $serializers by name of the transport */
    public function __construct(
        private ContainerInterface $serializers,
        private MessageBusInterface $bus,
    ) {
    }

    public function __invoke(OssaUndecodableMessage $message, ?Envelope $envelope = null): void
    {
        $serializer = $this->serializers->has($message->getTransport()) ? $this->serializers->get($message->getTransport()) : null;
        $body = base64_decode($message->getBody(), true);
        if (!$serializer instanceof SerializerInterface || false === $body) {
            throw FinalFailure::because($message->getReason(), null, $envelope);
        }
        try {
            $decoded = $serializer->decode(['body' => $body, 'headers' => $message->getHeaders()]);
        } catch (\Throwable $exception) {
            throw FinalFailure::because($message->getReason(), $exception, $envelope);
        }
        $this->bus->dispatch($decoded->with(new ReceivedStamp($message->getTransport())));
    }
}
