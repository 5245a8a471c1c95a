<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Exception;

/** Implemented by every exception of this bundle. Those of the engine implement {@see \Ossa\Runtime\Exception\ExceptionInterface}. */
interface ExceptionInterface extends \Throwable
{
}
