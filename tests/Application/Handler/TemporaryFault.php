<?php

declare(strict_types=1);

namespace Ossa\Tests\Application\Handler;

use Ossa\SymfonyRuntime\Attribute\ErrorCode;

#[ErrorCode('TEMPORARY_FAULT')]
final class TemporaryFault extends \RuntimeException
{
}
