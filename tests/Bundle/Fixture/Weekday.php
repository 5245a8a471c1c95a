<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle\Fixture;

enum Weekday: string
{
    case Saturday = 'sat';
    case Sunday = 'sun';
}
