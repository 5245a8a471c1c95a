<?php

declare(strict_types=1);

namespace ApiNormalizer\Agent;

use Ossa\SymfonyRuntime\Attribute\ErrorCode;
use Symfony\Component\Messenger\Exception\UnrecoverableExceptionInterface;

/** Trying again would not help. */
#[ErrorCode('EMPTY_RESPONSE')]
final class EmptyResponse extends \RuntimeException implements UnrecoverableExceptionInterface
{
}
