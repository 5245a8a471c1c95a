<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Attribute;

/**
 * The code under which an exception class appears in a run, and by which manifests name it (`retryable_errors`,
 * `error_mapping`). Subclasses inherit it. For a code that differs from object to object implement
 * {@see \Ossa\SymfonyRuntime\Exception\ErrorCodeInterface}.
 */
#[\Attribute(\Attribute::TARGET_CLASS)]
final readonly class ErrorCode
{
    public function __construct(public string $code)
    {
    }
}
