<?php

declare(strict_types=1);

namespace App\Onboarding;

use Ossa\SymfonyRuntime\Attribute\AsCapability;
use Ossa\SymfonyRuntime\Context\OssaContext;

/** One service, several capabilities. */
final class Profiles
{
    #[AsCapability('create_user_profile')]
    public function create(string $email, string $name, OssaContext $context, string $locale = 'en'): Profile
    {
        SlowNetwork::pretend();

        // The same for all attempts of this step, so that a second attempt creates no second profile.
        $id = substr(hash('sha256', (string) $context->effectKey), 0, 12);

        return new Profile($id, $email, $name, $locale);
    }

    /** @return array{token: string, expires_at: string} */
    #[AsCapability('create_verification_token')]
    public function createToken(string $userId, OssaContext $context): array
    {
        return [
            'token' => hash_hmac('sha256', $userId, (string) $context->effectKey),
            'expires_at' => (new \DateTimeImmutable('+1 day'))->format(\DATE_RFC3339),
        ];
    }

    /** @return array{saved: bool} */
    #[AsCapability('set_preferences')]
    public function setPreferences(string $userId, bool $newsletter): array
    {
        SlowNetwork::pretend();

        return ['saved' => '' !== $userId];
    }
}
