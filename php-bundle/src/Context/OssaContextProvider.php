<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Context;

use Symfony\Contracts\Service\ResetInterface;

/** Knows on whose behalf the code now running runs. */
final class OssaContextProvider implements ResetInterface
{
    /** @var Nesting<OssaContext> */
    private readonly Nesting $contexts;

    public function __construct()
    {
        $this->contexts = new Nesting();
    }

    /** `null` outside of a step and of the messages steps have sent. */
    public function current(): ?OssaContext
    {
        return $this->contexts->current();
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
        return $this->contexts->within($context, $do);
    }

    public function reset(): void
    {
        $this->contexts->reset();
    }
}
