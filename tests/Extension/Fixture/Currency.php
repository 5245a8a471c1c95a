<?php

declare(strict_types=1);

namespace Ossa\Tests\Extension\Fixture;

enum Currency: string
{
    case Euro = 'EUR';
}
