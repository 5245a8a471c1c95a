<?php

declare(strict_types=1);

namespace Ossa\Tests\Chaos;

use Ossa\Tests\Application\Effects;
use Symfony\Component\Messenger\Attribute\AsMessageHandler;

#[AsMessageHandler]
final readonly class LetterHandler
{
    public function __construct(private Effects $effects)
    {
    }

    public function __invoke(Letter $letter): void
    {
        usleep(500);
        // The clock of the machine that nobody sets, the same for all processes.
        $this->effects->write(['letter', (string) $letter->number, (string) $letter->copy, (string) getmypid(), (string) hrtime(true)]);
        usleep(500);
    }
}
