<?php

declare(strict_types=1);

namespace App\Onboarding;

use Ossa\SymfonyRuntime\Attribute\AsCapability;

#[AsCapability('validate_email')]
final class EmailValidator
{
    /** @return array{valid: bool, normalized: string} */
    public function __invoke(string $email): array
    {
        $normalized = strtolower(trim($email));

        return ['valid' => false !== filter_var($normalized, \FILTER_VALIDATE_EMAIL), 'normalized' => $normalized];
    }
}
