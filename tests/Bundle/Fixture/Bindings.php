<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle\Fixture;

use Ossa\SymfonyRuntime\Attribute\AsCapability;

/** Says which of its methods was called. */
final class Bindings
{
    #[AsCapability('contested')]
    public function capability(): string
    {
        return 'capability';
    }

    #[AsCapability(entrypoint: 'acme.run')]
    public function entrypoint(): string
    {
        return 'entrypoint';
    }

    #[AsCapability(task: 'contested-task')]
    public function task(): string
    {
        return 'task';
    }

    #[AsCapability(step: 'contested.special')]
    public function step(): string
    {
        return 'step';
    }
}
