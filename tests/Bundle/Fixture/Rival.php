<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle\Fixture;

use Ossa\SymfonyRuntime\Attribute\AsCapability;

/** Wants the same capability as another service. */
#[AsCapability('contested')]
final class Rival
{
    public function __invoke(): string
    {
        return 'rival';
    }
}
