<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Console;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Run;
use Ossa\SymfonyRuntime\Exception\LogicException;
use Ossa\SymfonyRuntime\Relay\StepRelay;
use Symfony\Component\Console\Output\OutputInterface;

/**
 * Prints what happens to a run until it ends.
 *
 * @internal
 */
final class RunFollower
{
    private const LOOK_EVERY_MICROSECONDS = 100_000;
    private const HINT_AFTER_SECONDS = 3;

    public function __construct(
        private readonly Engine $engine,
        private readonly StepRelay $relay,
        private readonly OutputInterface $output,
        private readonly string $transport,
    ) {
    }

    /** @return Run as it ended, or as it stood when the time was up */
    public function follow(string $runId, ?int $timeoutSeconds): Run
    {
        $began = microtime(true);
        $seen = 0;
        $hinted = false;
        while (true) {
            $this->engine->tick();
            $this->relay->drain();
            $run = $this->engine->run($runId) ?? throw new LogicException(\sprintf('The run %s is gone.', $runId));
            $seen = $this->print($run, $seen);
            $waited = microtime(true) - $began;
            if ($run->isTerminal() || (null !== $timeoutSeconds && $waited >= $timeoutSeconds)) {
                return $run;
            }
            if (!$hinted && $waited >= self::HINT_AFTER_SECONDS && self::nothingFinished($run)) {
                $hinted = true;
                $this->output->writeln(\sprintf('<comment>No worker has finished a step yet. Is one running? bin/console messenger:consume %s</comment>', $this->transport));
            }
            usleep(self::LOOK_EVERY_MICROSECONDS);
        }
    }

    /** @return int how many events were printed so far */
    private function print(Run $run, int $seen): int
    {
        $events = $run->getEvents();
        foreach (\array_slice($events, $seen) as $event) {
            $this->output->writeln(EventLine::of($event, RunTimeline::origin($run)));
        }

        return \count($events);
    }

    private static function nothingFinished(Run $run): bool
    {
        foreach ($run->getSteps() as $step) {
            if (null !== $step['finished_at']) {
                return false;
            }
        }

        return true;
    }
}
