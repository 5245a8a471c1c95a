<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Breaker;

use Ossa\Runtime\Engine;
use Ossa\SymfonyRuntime\Execution\ErrorMapper;

/**
 * Guards calls that are no steps of a run: what keeps failing is left alone for a while. All processes on one store share
 * what they found out.
 *
 * Thresholds are set under "ossa.breakers"; a name that is not there has the default ones.
 */
final readonly class CircuitBreaker
{
    public function __construct(private Engine $engine)
    {
    }

    /**
     * Calls, unless the breaker is open.
     *
     * @template T
     *
     * @param string        $name   what is called
     * @param callable(): T $call
     * @param string|null   $tenant for whom: each tenant has breakers of its own
     *
     * @return T
     *
     * @throws BreakerOpenException when it is open; nothing was called
     */
    public function call(string $name, callable $call, ?string $tenant = null): mixed
    {
        $breakers = $this->engine->circuitBreakers();
        $holder = bin2hex(random_bytes(8));
        $until = $breakers->admit($name, $holder, $tenant);
        if (null !== $until) {
            throw new BreakerOpenException($name, $until);
        }
        try {
            $result = $call();
        } catch (\Throwable $throwable) {
            $breakers->failed($name, $holder, ErrorMapper::map($throwable), $tenant);

            throw $throwable;
        }
        $breakers->succeeded($name, $holder, $tenant);

        return $result;
    }
}
