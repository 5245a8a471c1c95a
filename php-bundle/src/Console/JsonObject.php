<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Console;

use Symfony\Component\Console\Exception\InvalidOptionException;

/**
 * Reads options whose value is a JSON object.
 *
 * @internal
 */
final class JsonObject
{
    /** @throws InvalidOptionException when it is something else */
    public static function read(string $option, string $json): \stdClass
    {
        try {
            $data = json_decode($json, false, 512, \JSON_THROW_ON_ERROR);
        } catch (\JsonException $exception) {
            throw new InvalidOptionException(\sprintf('The option "--%s" must be a JSON object: %s.', $option, $exception->getMessage()), 0, $exception);
        }

        return $data instanceof \stdClass ? $data : throw new InvalidOptionException(\sprintf('The option "--%s" must be a JSON object, it is: %s.', $option, get_debug_type($data)));
    }
}
