<?php

declare(strict_types=1);

namespace Ossa\Tests\Extension\Fixture;

enum Suit
{
    case Hearts;
}
