<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle\Fixture;

use Ossa\SymfonyRuntime\Attribute\AsCapability;
use Ossa\SymfonyRuntime\Attribute\Breaker;
use Ossa\SymfonyRuntime\Attribute\Retry;

/** Fails as long as it is down, and counts how often it was called. */
final class MailServer
{
    public static bool $down = true;
    public static int $calls = 0;

    #[AsCapability('mail', retry: new Retry(maxAttempts: 4, backoff: 'none'), breaker: new Breaker(failures: 2, openMs: 1500))]
    public function send(): void
    {
        ++self::$calls;
        if (self::$down) {
            throw new \RuntimeException('no server answers');
        }
    }
}
