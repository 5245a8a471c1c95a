<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle\Fixture;

use Ossa\SymfonyRuntime\Breaker\CircuitBreaker;

/** A service that guards its calls. */
final readonly class Crm
{
    public function __construct(public CircuitBreaker $breaker)
    {
    }
}
