<?php

declare(strict_types=1);

namespace App\Onboarding;

/** What a handler returns may be an object: its public properties are the step's output. */
final readonly class Profile
{
    public function __construct(
        public string $id,
        public string $email,
        public string $name,
        public string $locale,
    ) {
    }
}
