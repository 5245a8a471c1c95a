<?php

declare(strict_types=1);

namespace App\Onboarding;

use Ossa\SymfonyRuntime\Attribute\AsCapability;
use Symfony\Component\Messenger\Exception\UnrecoverableMessageHandlingException;

/** The CRM refuses. The workflow allows this step to fail. */
#[AsCapability('sync_to_crm')]
final class CrmSync
{
    /** A parameter that is a class gets the input's value of its name as an object. */
    public function __invoke(Profile $profile): never
    {
        SlowNetwork::pretend();

        throw new UnrecoverableMessageHandlingException(\sprintf('the CRM has no licence left for %s', $profile->email));
    }
}
