<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Execution;

use Ossa\SymfonyRuntime\Exception\HandlerException;
use Symfony\Component\Serializer\Exception\ExceptionInterface as SerializerException;
use Symfony\Component\Serializer\Normalizer\NormalizerInterface;

/** Turns what a handler returned into plain data: null, scalars, and arrays of them. */
final readonly class OutputNormalizer
{
    private const MAX_DEPTH = 64;

    public function __construct(private ?NormalizerInterface $normalizer = null)
    {
    }

    /**
     * @return array<array-key, mixed>|scalar|null
     *
     * @throws HandlerException when it cannot be the output of a step
     */
    public function normalize(mixed $value, string $handler): mixed
    {
        return $this->plain($value, $handler, 'output', 0);
    }

    /** @return array<array-key, mixed>|scalar|null */
    private function plain(mixed $value, string $handler, string $path, int $depth): mixed
    {
        if ($depth > self::MAX_DEPTH) {
            throw self::refused($handler, $path, \sprintf('is nested deeper than %d levels', self::MAX_DEPTH));
        }

        return match (true) {
            null === $value, \is_bool($value), \is_int($value) => $value,
            \is_float($value) => is_finite($value) ? $value : throw self::refused($handler, $path, 'is no finite number'),
            \is_string($value) => 1 === preg_match('//u', $value) ? $value : throw self::refused($handler, $path, 'is text that is not UTF-8; encode binary data, for example as base64'),
            \is_array($value) => $this->plainArray($value, $handler, $path, $depth),
            \is_object($value) => $this->plain($this->fromObject($value, $handler, $path), $handler, $path, $depth + 1),
            default => throw self::refused($handler, $path, \sprintf('is of type %s', get_debug_type($value))),
        };
    }

    /**
     * @param array<array-key, mixed> $values
     *
     * @return array<array-key, mixed>
     */
    private function plainArray(array $values, string $handler, string $path, int $depth): array
    {
        $plain = [];
        foreach ($values as $key => $value) {
            if (\is_string($key) && 1 !== preg_match('//u', $key)) {
                throw self::refused($handler, $path, 'has a key that is not UTF-8');
            }
            $plain[$key] = $this->plain($value, $handler, $path.'.'.$key, $depth + 1);
        }

        return $plain;
    }

    private function fromObject(object $value, string $handler, string $path): mixed
    {
        return match (true) {
            $value instanceof \JsonSerializable => $value->jsonSerialize(),
            $value instanceof \BackedEnum => $value->value,
            $value instanceof \DateTimeInterface => $value->format(\DATE_RFC3339_EXTENDED),
            $value instanceof \stdClass => (array) $value,
            $value instanceof \Closure, $value instanceof \Traversable, $value instanceof \UnitEnum => throw self::refused($handler, $path, \sprintf('is of type %s', get_debug_type($value))),
            true === $this->normalizer?->supportsNormalization($value, 'array') => $this->fromSerializer($this->normalizer, $value, $handler, $path),
            $value instanceof \Stringable => (string) $value,
            default => get_object_vars($value),
        };
    }

    private function fromSerializer(NormalizerInterface $normalizer, object $value, string $handler, string $path): mixed
    {
        try {
            return $normalizer->normalize($value, 'array');
        } catch (SerializerException $exception) {
            throw HandlerException::invalidOutput(\sprintf('%s() returned a %s as %s that Symfony\'s Serializer cannot normalize: %s', $handler, get_debug_type($value), $path, $exception->getMessage()), $exception);
        }
    }

    private static function refused(string $handler, string $path, string $reason): HandlerException
    {
        return HandlerException::invalidOutput(\sprintf('what %s() returned cannot be the output of a step: %s %s.', $handler, $path, $reason));
    }
}
