<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Execution;

/** How a PHP parameter may be spelt in a manifest. */
final class InputKey
{
    /** @return list<string> as it is, then in snake case */
    public static function spellings(string $parameter): array
    {
        $snake = strtolower((string) preg_replace('/(?<=[a-z0-9])(?=[A-Z])/', '_', $parameter));

        return $snake === $parameter ? [$parameter] : [$parameter, $snake];
    }
}
