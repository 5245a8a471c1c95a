<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Drain;

use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Exception\LogicException;
use Symfony\Component\Messenger\Transport\Serialization\SerializerInterface;

/**
 * Leaves messages as they are.
 *
 * @internal
 */
final class OpaqueSerializer implements SerializerInterface
{
    /** @param array<array-key, mixed> $encodedEnvelope */
    public function decode(array $encodedEnvelope): Envelope
    {
        $body = $encodedEnvelope['body'] ?? '';
        $headers = $encodedEnvelope['headers'] ?? [];

        // Brokers add lists and objects of their own.
        return new Envelope(new EncodedMessage(\is_string($body) ? $body : '', array_map(strval(...), array_filter(\is_array($headers) ? $headers : [], is_scalar(...)))));
    }

    /** @return array{body: string, headers: array<string, string>} */
    public function encode(Envelope $envelope): array
    {
        $message = $envelope->getMessage();

        return $message instanceof EncodedMessage ? $message->toArray() : throw new LogicException(\sprintf('A "%s" was never encoded.', $message::class));
    }
}
