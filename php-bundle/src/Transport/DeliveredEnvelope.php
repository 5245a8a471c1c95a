<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Transport;

use Ossa\Runtime\Delivery;
use Ossa\SymfonyRuntime\Message\OssaStepMessage;
use Ossa\SymfonyRuntime\Message\OssaUndecodableMessage;
use Ossa\SymfonyRuntime\Stamp\OssaContextStamp;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Exception\MessageDecodingFailedException;
use Symfony\Component\Messenger\Stamp\TransportMessageIdStamp;
use Symfony\Component\Messenger\Transport\Serialization\SerializerInterface;

/**
 * Makes envelopes of what is in a queue: step items become step messages, everything else goes through the serializer.
 *
 * A message that cannot be decoded is delivered all the same, as one that fails with that reason, so that it ends in the
 * failure transport. Up to Symfony 8.0 the contract has a receiver remove such a message and throw; that would stop the
 * worker and lose the message.
 *
 * @internal
 */
final class DeliveredEnvelope
{
    /** @param bool $held whether the worker holds it, or has only looked at it */
    public static function of(Delivery $delivery, SerializerInterface $serializer, string $transport, bool $held): Envelope
    {
        $id = $delivery->getId();
        $token = $delivery->getToken();
        $envelope = self::step($delivery, $token) ?? self::decoded($delivery, $serializer, $transport);
        if (null !== $envelope->last(TransportMessageIdStamp::class)) {
            $envelope = $envelope->withoutAll(TransportMessageIdStamp::class);
        }

        return $envelope->with(new TransportMessageIdStamp($id), new ReceivedFromQueueStamp($delivery->getQueue(), $id, $token, $held, $delivery->getPriority()));
    }

    private static function step(Delivery $delivery, ?string $token): ?Envelope
    {
        $step = null === $token ? null : $delivery->getStep();
        if (null === $token || null === $step) {
            return null;
        }

        return new Envelope(
            new OssaStepMessage($token, $step['run'], $step['workflow'], $step['step'], $step['attempt']),
            [new OssaContextStamp($step['run'], $step['workflow'], $step['step'], $step['attempt'], $step['correlation_id'], null, $step['traceparent'])],
        );
    }

    private static function decoded(Delivery $delivery, SerializerInterface $serializer, string $transport): Envelope
    {
        $encoded = ['body' => $delivery->getBody(), 'headers' => EncodedHeaders::fromText($delivery->getHeaders())];
        try {
            return $serializer->decode($encoded);
        } catch (\Throwable $exception) {
            // Serializers throw more than they promise: what a constructor of the message or of a stamp throws, say.
            return self::undecodable($encoded, $exception, $transport);
        }
    }

    /** @param array{body: string, headers: array<string, string>} $encoded */
    private static function undecodable(array $encoded, \Throwable $exception, string $transport): Envelope
    {
        // It may quote bytes of the message, which is to survive serializers that take text only.
        $reason = mb_scrub($exception->getMessage(), 'UTF-8');
        // From Symfony 8.1 on Messenger has its own wrapper and knows how to decode it again.
        $wrap = [MessageDecodingFailedException::class, 'wrap'];
        if (\is_callable($wrap)) {
            return $wrap($encoded, $reason, 0, $exception);
        }

        return new Envelope(new OssaUndecodableMessage($transport, base64_encode($encoded['body']), $encoded['headers'], $reason));
    }
}
