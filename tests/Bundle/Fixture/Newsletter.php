<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle\Fixture;

use Ossa\SymfonyRuntime\BatchDispatcher;

/** A service of an application that sends many messages at once. */
final readonly class Newsletter
{
    public function __construct(public BatchDispatcher $dispatcher)
    {
    }
}
