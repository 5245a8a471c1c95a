<?php

declare(strict_types=1);

namespace Ossa\Tests\Transport\Fixture;

final readonly class Letter
{
    public function __construct(public string $text)
    {
    }
}
