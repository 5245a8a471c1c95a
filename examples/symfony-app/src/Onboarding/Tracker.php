<?php

declare(strict_types=1);

namespace App\Onboarding;

use Ossa\SymfonyRuntime\Attribute\AsCapability;
use Psr\Log\LoggerInterface;

#[AsCapability('track_event')]
final readonly class Tracker
{
    public function __construct(private LoggerInterface $logger)
    {
    }

    /** @param array<string, mixed> $properties */
    public function __invoke(string $event, string $userId, array $properties = []): void
    {
        $this->logger->info('{event} of user {user}', ['event' => $event, 'user' => $userId] + $properties);
    }
}
