<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Stamp;

use Ossa\Runtime\StepClaim;
use Symfony\Component\Messenger\Stamp\NonSendableStampInterface;

/**
 * The attempt that a step message stands for, claimed by this worker.
 *
 * @internal
 */
final readonly class ClaimedStepStamp implements NonSendableStampInterface
{
    public function __construct(public StepClaim $claim)
    {
    }
}
