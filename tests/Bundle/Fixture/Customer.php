<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle\Fixture;

final readonly class Customer
{
    public function __construct(public string $name)
    {
    }
}
