<?php

declare(strict_types=1);

namespace Ossa\Tests\Extension\Support;

use Ossa\Runtime\Engine;
use Ossa\Runtime\StepClaim;

/** An engine over a file and the manifests of the fixtures, with a worker's moves. */
trait Workbench
{
    use TemporaryStore;

    private const MANIFESTS = __DIR__.'/../Fixture/manifests';

    /** @param array<string, mixed> $options */
    private function engine(array $options = []): Engine
    {
        return Engine::open($this->dsn(), $options + ['manifest_roots' => [self::MANIFESTS]]); // @phpstan-ignore argument.type
    }

    /** The next step in the queue, claimed as a worker does. */
    private static function next(Engine $engine): StepClaim
    {
        $dispatches = $engine->relay(1);
        self::assertCount(1, $dispatches, 'a step is in the queue');
        $claim = $engine->claim($dispatches[0]->getToken());
        self::assertNotNull($claim, 'the step is to be run');

        return $claim;
    }
}
