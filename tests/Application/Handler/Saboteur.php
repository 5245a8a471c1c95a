<?php

declare(strict_types=1);

namespace Ossa\Tests\Application\Handler;

use Ossa\SymfonyRuntime\Attribute\AsCapability;
use Ossa\SymfonyRuntime\Context\OssaContext;
use Ossa\Tests\Application\Effects;
use Ossa\Tests\Application\StoreLock;

/** Makes the store of runs unreachable before its first result can be reported. */
final class Saboteur
{
    private bool $done = false;

    public function __construct(private readonly Effects $effects, private readonly StoreLock $lock)
    {
    }

    #[AsCapability('lock_store')]
    public function lock(OssaContext $context, float $seconds, string $until = ''): string
    {
        $this->effects->record($context);
        if (!$this->done) {
            $this->done = true;
            $this->lock->hold($seconds, $until);
        }

        return 'done in attempt '.$context->attempt;
    }
}
