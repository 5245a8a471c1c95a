<?php

declare(strict_types=1);

namespace SecurityDesk\Agent;

use Ossa\SymfonyRuntime\Attribute\ErrorCode;

#[ErrorCode('NOBODY_ON_DUTY')]
final class NobodyOnDuty extends \RuntimeException
{
}
