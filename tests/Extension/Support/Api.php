<?php

declare(strict_types=1);

namespace Ossa\Tests\Extension\Support;

/** Describes classes by reflection, in words that are the same for PHP code and for an extension. */
final class Api
{
    /**
     * @param class-string $name
     *
     * @return array<string, string> one line for the class and one for each of its own methods, by name
     */
    public static function describe(string $name): array
    {
        $class = new \ReflectionClass($name);
        $interfaces = $class->getInterfaceNames();
        sort($interfaces);
        $lines = ['class' => self::words([
            $class->isFinal() ? 'final' : '',
            $class->isAbstract() && !$class->isInterface() ? 'abstract' : '',
            $class->isInterface() ? 'interface' : 'class',
            $name,
            false !== $class->getParentClass() ? 'extends '.$class->getParentClass()->getName() : '',
            [] !== $interfaces ? 'implements '.implode(', ', $interfaces) : '',
        ])];
        foreach ($class->getMethods() as $method) {
            if ($method->getDeclaringClass()->getName() === $name) {
                $lines[$method->getName()] = self::describeMethod($method);
            }
        }
        ksort($lines);

        return $lines;
    }

    /**
     * Classes and interfaces below `Ossa\Runtime` that this process knows without loading anything.
     *
     * @return list<class-string>
     */
    public static function classes(): array
    {
        $names = array_filter(
            [...get_declared_classes(), ...get_declared_interfaces()],
            static fn (string $name): bool => str_starts_with($name, 'Ossa\Runtime\\'),
        );
        sort($names);

        return $names;
    }

    private static function describeMethod(\ReflectionMethod $method): string
    {
        $class = $method->getDeclaringClass()->getName();
        $parameters = array_map(
            static fn (\ReflectionParameter $parameter): string => self::describeParameter($parameter, $class),
            $method->getParameters(),
        );
        $returns = self::describeType($method->getReturnType(), $class);

        return self::words([
            implode(' ', \Reflection::getModifierNames($method->getModifiers())),
            'function',
            $method->getName().'('.implode(', ', $parameters).')'.('' !== $returns ? ': '.$returns : ''),
        ]);
    }

    private static function describeParameter(\ReflectionParameter $parameter, string $class): string
    {
        $attributes = array_map(
            static fn (\ReflectionAttribute $attribute): string => '#['.$attribute->getName().']',
            $parameter->getAttributes(),
        );

        return self::words([
            ...$attributes,
            self::describeType($parameter->getType(), $class),
            ($parameter->isPassedByReference() ? '&' : '').($parameter->isVariadic() ? '...' : '').'$'.$parameter->getName(),
            $parameter->isDefaultValueAvailable() ? '= '.json_encode($parameter->getDefaultValue(), \JSON_THROW_ON_ERROR) : '',
            $parameter->isOptional() ? '(optional)' : '',
        ]);
    }

    private static function describeType(?\ReflectionType $type, string $class): string
    {
        return preg_replace('/\bself\b/', addcslashes($class, '\\'), (string) $type) ?? '';
    }

    /** @param list<string> $words */
    private static function words(array $words): string
    {
        return implode(' ', array_filter($words, static fn (string $word): bool => '' !== $word));
    }
}
