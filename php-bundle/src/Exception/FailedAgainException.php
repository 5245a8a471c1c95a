<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Exception;

/**
 * A message that was retried from the failure transport failed again. Neither recoverable nor unrecoverable for
 * Messenger, so the retry rules of the failure transport apply: an unrecoverable one would be removed at once.
 */
final class FailedAgainException extends \RuntimeException implements ExceptionInterface
{
}
