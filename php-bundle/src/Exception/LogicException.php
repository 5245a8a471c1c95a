<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Exception;

/** The bundle is configured or used in a way that cannot work; found while the container is built, or at the first use. */
final class LogicException extends \LogicException implements ExceptionInterface
{
}
