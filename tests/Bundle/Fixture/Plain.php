<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle\Fixture;

/** A service that knows nothing of OSSA. */
final class Plain
{
    /** @return array{greeting: string} */
    public function greet(string $firstName, int $times = 1): array
    {
        return ['greeting' => str_repeat('Hello '.$firstName.'! ', $times)];
    }

    /** @return array{length: int} */
    public function measure(string $greeting): array
    {
        return ['length' => \strlen($greeting)];
    }

    public function order(Order $order): Order
    {
        return $order;
    }

    public function secret(): string
    {
        return 'nobody allowed this';
    }
}
