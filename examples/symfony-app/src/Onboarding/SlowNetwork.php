<?php

declare(strict_types=1);

namespace App\Onboarding;

/** Stands for the services that a real application would call. */
final class SlowNetwork
{
    public static function pretend(): void
    {
        usleep(400_000);
    }
}
