<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Context;

/**
 * What the code now running works on, where one may lead to another.
 *
 * @internal
 *
 * @template T of object
 */
final class Nesting
{
    /** @var list<T> */
    private array $stack = [];

    /** @return T|null */
    public function current(): ?object
    {
        return $this->stack[array_key_last($this->stack) ?? 0] ?? null;
    }

    /**
     * @template R
     *
     * @param T             $inner
     * @param \Closure(): R $do
     *
     * @return R
     */
    public function within(object $inner, \Closure $do): mixed
    {
        $depth = \count($this->stack);
        $this->stack[] = $inner;
        try {
            return $do();
        } finally {
            $this->stack = \array_slice($this->stack, 0, $depth);
        }
    }

    public function reset(): void
    {
        $this->stack = [];
    }
}
