<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Exception;

/** An exception that says itself under which code it appears in a run. */
interface ErrorCodeInterface extends \Throwable
{
    /** For example `RATE_LIMITED`. */
    public function getErrorCode(): string;
}
