<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Execution;

/**
 * A value does not fit a type. The message never shows the value, which may be personal data or a secret.
 *
 * @internal
 */
final class ConversionException extends \RuntimeException
{
}
