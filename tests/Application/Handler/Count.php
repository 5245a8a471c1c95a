<?php

declare(strict_types=1);

namespace Ossa\Tests\Application\Handler;

/** An ordinary message of an application. */
final readonly class Count
{
    public function __construct(public int $number)
    {
    }
}
