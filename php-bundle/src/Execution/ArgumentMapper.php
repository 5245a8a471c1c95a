<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Execution;

use Ossa\Runtime\StepClaim;
use Ossa\SymfonyRuntime\Context\OssaContext;
use Ossa\SymfonyRuntime\Exception\HandlerException;

/**
 * Maps a step's input to the parameters of its handler.
 *
 * A parameter gets, in this order: the {@see OssaContext} or {@see StepClaim} if that is its type; the whole input if it
 * is `array $input`; the input's value of its name, written `userId` or `user_id`; the whole input as an object, if its
 * type is a class and no value has its name; its default; null if it allows null.
 */
final readonly class ArgumentMapper
{
    public function __construct(private ValueConverter $values)
    {
    }

    /**
     * @return array<string, mixed> arguments by parameter name
     *
     * @throws HandlerException when the input does not fit
     */
    public function map(Handler $handler, mixed $input, OssaContext $context, StepClaim $claim): array
    {
        $arguments = [];
        foreach ((new \ReflectionFunction($handler->call))->getParameters() as $parameter) {
            if ($parameter->isVariadic()) {
                continue;
            }
            $type = $parameter->getType();
            $class = $type instanceof \ReflectionNamedType ? $type->getName() : null;
            if (OssaContext::class === $class || StepClaim::class === $class) {
                $arguments[$parameter->getName()] = OssaContext::class === $class ? $context : $claim;
                continue;
            }
            try {
                $found = $this->argument($parameter, $input);
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
    private function argument(\ReflectionParameter $parameter, mixed $input): array
    {
        $name = $parameter->getName();
        $type = $parameter->getType();
        if ('input' === $name && $type instanceof \ReflectionNamedType && 'array' === $type->getName()) {
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
