<?php

declare(strict_types=1);

namespace Ossa\Tests\Transport\Fixture;

use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Transport\Serialization\SerializerInterface;

/** Writes what no serializer can read. */
final class Illegible implements SerializerInterface
{
    /** @param array<array-key, mixed> $encodedEnvelope */
    public function decode(array $encodedEnvelope): Envelope
    {
        throw new \LogicException('This one only writes.');
    }

    /** @return array{body: string, headers: array<string, string>} */
    public function encode(Envelope $envelope): array
    {
        return ['body' => '{"a":', 'headers' => ['type' => 'App\NoSuchMessage']];
    }
}
