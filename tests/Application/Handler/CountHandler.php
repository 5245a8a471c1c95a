<?php

declare(strict_types=1);

namespace Ossa\Tests\Application\Handler;

use Ossa\Tests\Application\Effects;
use Symfony\Component\Messenger\Attribute\AsMessageHandler;

#[AsMessageHandler]
final readonly class CountHandler
{
    public function __construct(private Effects $effects)
    {
    }

    public function __invoke(Count $message): void
    {
        usleep(500);
        $this->effects->write([(string) $message->number]);
        usleep(500);
    }
}
