<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Transport;

use Symfony\Component\Messenger\Exception\TransportException;

/**
 * The headers of an encoded envelope as the text that the engine keeps beside the body.
 *
 * @internal
 */
final class EncodedHeaders
{
    /** @param array<string, string> $headers */
    public static function toText(array $headers): string
    {
        if ([] === $headers) {
            return '';
        }
        try {
            return json_encode($headers, \JSON_THROW_ON_ERROR | \JSON_UNESCAPED_SLASHES | \JSON_UNESCAPED_UNICODE);
        } catch (\JsonException $exception) {
            throw new TransportException(\sprintf('The headers that the serializer wrote cannot be stored: %s.', $exception->getMessage()), 0, $exception);
        }
    }

    /** @return array<string, string> what cannot be read is left out: the serializer then says what it misses */
    public static function fromText(string $text): array
    {
        if ('' === $text) {
            return [];
        }
        $headers = json_decode($text, true);

        return array_map(strval(...), array_filter(\is_array($headers) ? $headers : [], is_scalar(...)));
    }
}
