<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Execution;

use Symfony\Component\Serializer\Exception\ExceptionInterface as SerializerException;
use Symfony\Component\Serializer\Normalizer\DenormalizerInterface;

/**
 * Converts values of a step's input to PHP types, without loss: `"42"` becomes 42 for an int, `"4.5"` does not.
 *
 * Dates are read from text that names a day or instant, or from whole seconds since the Unix epoch; backed enums from
 * their value. Other classes are built by Symfony's Serializer when it is there and knows them, else through their
 * constructor, parameter by parameter.
 */
final readonly class ValueConverter
{
    /** Objects within objects: deeper input is refused rather than followed. */
    private const MAX_DEPTH = 32;

    public function __construct(private ?DenormalizerInterface $denormalizer = null)
    {
    }

    /**
     * @param string $path where the value stands in the input, for messages
     *
     * @throws ConversionException
     */
    public function convert(mixed $value, ?\ReflectionType $type, string $path, int $depth = 0): mixed
    {
        if ($depth > self::MAX_DEPTH) {
            throw new ConversionException(\sprintf('"%s" is nested deeper than %d levels', $path, self::MAX_DEPTH));
        }
        if (null === $type || (null === $value && $type->allowsNull())) {
            return $value;
        }
        if ($type instanceof \ReflectionNamedType) {
            return $type->isBuiltin()
                ? self::scalar($value, $type->getName(), $path)
                : $this->object($value, $type->getName(), $path, $depth);
        }
        if ($type instanceof \ReflectionUnionType) {
            return $this->union($value, $type, $path, $depth);
        }

        throw new ConversionException(\sprintf('"%s" is of type %s, which no input can have', $path, $type));
    }

    private function union(mixed $value, \ReflectionUnionType $type, string $path, int $depth): mixed
    {
        foreach ($type->getTypes() as $candidate) {
            if ($candidate instanceof \ReflectionNamedType && $candidate->getName() === self::nameOf($value)) {
                return $value;
            }
        }
        foreach ($type->getTypes() as $candidate) {
            try {
                return $this->convert($value, $candidate, $path, $depth + 1);
            } catch (ConversionException) {
                // The next member of the union may take it.
            }
        }

        throw self::mismatch($value, (string) $type, $path);
    }

    private static function scalar(mixed $value, string $type, string $path): mixed
    {
        $converted = match ($type) {
            'mixed' => $value,
            'int' => self::int($value),
            'float' => \is_int($value) || \is_float($value) || (\is_string($value) && is_numeric($value)) ? (float) $value : null,
            'string' => \is_string($value) || \is_int($value) || \is_float($value) ? (string) $value : null,
            'bool', 'true', 'false' => match ($value) {
                true, 1, 'true', '1' => 'false' === $type ? null : true,
                false, 0, 'false', '0' => 'true' === $type ? null : false,
                default => null,
            },
            'array', 'iterable' => \is_array($value) ? $value : null,
            'object' => \is_array($value) ? (object) $value : null,
            default => null,
        };

        return $converted ?? ('mixed' === $type ? null : throw self::mismatch($value, $type, $path));
    }

    private static function int(mixed $value): ?int
    {
        return match (true) {
            \is_int($value) => $value,
            \is_float($value) && $value === (float) (int) $value => (int) $value,
            \is_string($value) && 1 === preg_match('/^-?(0|[1-9]\d{0,17})$/', $value) => (int) $value,
            default => null,
        };
    }

    private function object(mixed $value, string $class, string $path, int $depth): object
    {
        if (is_a($class, \DateTimeInterface::class, true)) {
            return self::date($value, $class, $path);
        }
        if (is_a($class, \BackedEnum::class, true)) {
            return self::enum($value, $class, $path);
        }
        if (\stdClass::class === $class && \is_array($value)) {
            return (object) $value;
        }
        if (true === $this->denormalizer?->supportsDenormalization($value, $class, 'array')) {
            try {
                $object = $this->denormalizer->denormalize($value, $class, 'array');
            } catch (SerializerException|\TypeError $exception) {
                throw new ConversionException(\sprintf('"%s" does not make a %s: %s', $path, $class, $exception->getMessage()), 0, $exception);
            }

            return $object instanceof $class ? $object : throw self::mismatch($value, $class, $path);
        }

        return $this->construct($value, $class, $path, $depth);
    }

    private function construct(mixed $value, string $class, string $path, int $depth): object
    {
        $reflection = class_exists($class) ? new \ReflectionClass($class) : null;
        if (null === $reflection || !$reflection->isInstantiable() || $reflection->isInternal() || !\is_array($value)) {
            throw self::mismatch($value, $class, $path);
        }
        $arguments = [];
        foreach ($reflection->getConstructor()?->getParameters() ?? [] as $parameter) {
            $name = $parameter->getName();
            $key = array_values(array_filter(InputKey::spellings($name), static fn (string $key): bool => \array_key_exists($key, $value)))[0] ?? null;
            if (null !== $key) {
                $arguments[$name] = $this->convert($value[$key], $parameter->getType(), $path.'.'.$key, $depth + 1);
            } elseif ($parameter->allowsNull() && !$parameter->isDefaultValueAvailable()) {
                $arguments[$name] = null;
            } elseif (!$parameter->isOptional()) {
                throw new ConversionException(\sprintf('"%s" has no "%s", which %s needs', $path, $name, $class));
            }
        }

        return $reflection->newInstance(...$arguments);
    }

    /** @param class-string<\DateTimeInterface> $class */
    private static function date(mixed $value, string $class, string $path): \DateTimeInterface
    {
        $class = \DateTimeInterface::class === $class ? \DateTimeImmutable::class : $class;
        // Only text that names a day: `next friday` would make an attempt depend on when it runs.
        $text = match (true) {
            \is_int($value) => '@'.$value,
            \is_string($value) && 1 === preg_match('/^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$/i', $value) => $value,
            default => throw self::mismatch($value, 'date', $path),
        };
        try {
            return new $class($text);
        } catch (\Exception $exception) {
            throw new ConversionException(\sprintf('"%s" is no valid date', $path), 0, $exception);
        }
    }

    /** @param class-string<\BackedEnum> $class */
    private static function enum(mixed $value, string $class, string $path): \BackedEnum
    {
        $backing = (new \ReflectionEnum($class))->getBackingType();
        $value = 'int' === (string) $backing ? self::int($value) : (\is_string($value) ? $value : null);
        $case = null === $value ? null : $class::tryFrom($value);

        return $case ?? throw new ConversionException(\sprintf('"%s" must be one of: %s', $path, implode(', ', array_map(static fn (\BackedEnum $case): string => (string) $case->value, $class::cases()))));
    }

    private static function mismatch(mixed $value, string $type, string $path): ConversionException
    {
        return new ConversionException(\sprintf('"%s" must be %s, the input gives %s', $path, $type, self::nameOf($value)));
    }

    private static function nameOf(mixed $value): string
    {
        return get_debug_type($value);
    }
}
