<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Execution;

use Ossa\SymfonyRuntime\Exception\HandlerException;

/**
 * Maps the input of a step, or the payload of a message, to the parameters of its handler.
 *
 * A parameter gets, in this order: what is known of the call (as the context of a step) if that is its type; the whole
 * input if it is `array $input`, or for messages `array $payload`; the input's value of its name, written `userId` or
 * `user_id`; the whole input as an object, if its type is a class and no value has its name; its default; null if it
 * allows null.
 */
final readonly class ArgumentMapper
{
    public function __construct(private ValueConverter $values)
    {
    }

    /**
     * @param array<class-string, object> $known what is known of the call, by class
     * @param string                      $whole name of the parameter that gets the whole input
     *
     * @return array<string, mixed> arguments by parameter name
     *
     * @throws HandlerException when the input does not fit
     */
    public function map(Handler $handler, mixed $input, array $known, string $whole = 'input'): array
    {
        $arguments = [];
        foreach ((new \ReflectionFunction($handler->call))->getParameters() as $parameter) {
            if ($parameter->isVariadic()) {
                continue;
            }
            $type = $parameter->getType();
            $class = $type instanceof \ReflectionNamedType ? $type->getName() : null;
            if (null !== $class && isset($known[$class])) {
                $arguments[$parameter->getName()] = $known[$class];
                continue;
            }
            try {
                $found = $this->argument($parameter, $input, $whole);
            } catch (ConversionException $exception) {
                throw HandlerException::invalidInput(\sprintf('%s() cannot be called: %s.', $handler->name, $exception->getMessage()), $exception);
            }
            if ([] !== $found) {
                $arguments[$parameter->getName()] = $found[0];
            }
        }

        return $arguments;
    }

    /**
     * @return array{}|array{mixed} empty when the parameter's default stands
     *
     * @throws ConversionException
     */
    private function argument(\ReflectionParameter $parameter, mixed $input, string $whole): array
    {
        $name = $parameter->getName();
        $type = $parameter->getType();
        if ($whole === $name && $type instanceof \ReflectionNamedType && 'array' === $type->getName()) {
            return [$this->values->convert($input, $type, $name)];
        }
        $map = \is_array($input) ? $input : [];
        foreach (InputKey::spellings($name) as $key) {
            if (\array_key_exists($key, $map)) {
                return [$this->values->convert($map[$key], $type, $name)];
            }
        }
        if ($type instanceof \ReflectionNamedType && !$type->isBuiltin() && \is_array($input) && !$parameter->isOptional() && !$type->allowsNull()) {
            return [$this->values->convert($input, $type, $name)];
        }
        if ($parameter->isDefaultValueAvailable()) {
            return [];
        }
        if ($parameter->allowsNull()) {
            return [null];
        }

        throw new ConversionException(\sprintf('the input has no "%s" (%s); it has: %s', $name, $type ?? 'mixed', [] === $map ? 'nothing' : implode(', ', \array_slice(array_keys($map), 0, 20))));
    }
}
