<?php

declare(strict_types=1);

namespace Ossa\Tests\Application\Handler;

use Ossa\Tests\Application\Effects;
use Symfony\Component\Messenger\Attribute\AsMessageHandler;

#[AsMessageHandler]
final readonly class JobHandler
{
    public function __construct(private Effects $effects)
    {
    }

    public function __invoke(Job $job): void
    {
        $this->effects->write([$job->name, 'began']);
        // Signals, such as the worker's own timer, end a sleep early.
        for ($end = hrtime(true) + $job->milliseconds * 1_000_000; hrtime(true) < $end; usleep(10_000)) {
        }
        if ('' !== $job->failWhile && file_exists($job->failWhile)) {
            throw new \RuntimeException('the fault is still there');
        }
        $this->effects->write([$job->name, 'ended']);
    }
}
