<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Context;

use Symfony\Contracts\Service\ResetInterface;

/** Knows on whose behalf the code now running runs. */
final class OssaContextProvider implements ResetInterface
{
    /** @var list<OssaContext> */
    private array $stack = [];

    /** `null` outside of a step and of the messages steps have sent. */
    public function current(): ?OssaContext
    {
        return $this->stack[array_key_last($this->stack) ?? 0] ?? null;
    }

    /**
     * @template T
     *
     * @param \Closure(): T $do
     *
     * @return T
     */
    public function within(OssaContext $context, \Closure $do): mixed
    {
        $depth = \count($this->stack);
        $this->stack[] = $context;
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
