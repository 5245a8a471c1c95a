<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle\Fixture;

use Ossa\SymfonyRuntime\Attribute\AsChannelListener;
use Ossa\SymfonyRuntime\Attribute\AsMessageTransform;
use Ossa\SymfonyRuntime\Attribute\Breaker;
use Ossa\SymfonyRuntime\Attribute\Retry;
use Ossa\SymfonyRuntime\Message\OssaChannelMessage;

/** Connects calls, as long as its line is up; another takes notes else. */
final class Switchboard
{
    public static bool $down = false;
    /** @var list<array{string, mixed}> who got what */
    public static array $got = [];

    #[AsChannelListener('calls', name: 'line', retry: new Retry(maxAttempts: 1), breaker: new Breaker(failures: 1, openMs: 60_000, fallback: 'notes'))]
    public function connect(OssaChannelMessage $message): void
    {
        self::$got[] = ['line', $message->getPayload()];
        if (self::$down) {
            throw new \RuntimeException('the line is dead');
        }
    }

    #[AsChannelListener('notes', name: 'notes')]
    public function note(OssaChannelMessage $message): void
    {
        self::$got[] = ['notes', $message->getPayload()];
    }

    /**
     * @param array{payload: array<string, mixed>} $message
     *
     * @return array<string, mixed>
     */
    #[AsMessageTransform('withhold')]
    public function withhold(string $expression, array $message): array
    {
        if (!isset($message['payload']['number'])) {
            throw new \DomainException('there is no number to withhold');
        }

        return ['number' => 'withheld'] + $message['payload'];
    }
}
