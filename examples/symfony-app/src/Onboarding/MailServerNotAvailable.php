<?php

declare(strict_types=1);

namespace App\Onboarding;

use Ossa\SymfonyRuntime\Attribute\ErrorCode;

/** Manifests name errors by code: see `retryable_errors` of the step `send-welcome`. */
#[ErrorCode('SMTP_TEMPORARY_ERROR')]
final class MailServerNotAvailable extends \RuntimeException
{
}
