<?php

declare(strict_types=1);

namespace Ossa\Tests\EndToEnd;

use Ossa\Tests\Application\Handler\Count;
use Ossa\Tests\Application\Handler\CountHandler;
use Ossa\Tests\Application\Handler\Workshop;
use Ossa\Tests\Application\ProcessTestCase;

/**
 * Workers are killed at random, with a signal that lets them do nothing more. Nothing may be lost, no result be recorded
 * twice, and an effect be repeated at most once a kill on average.
 *
 * OSSA_TEST_CRASH_MESSAGES, OSSA_TEST_CRASH_RUNS and OSSA_TEST_CRASH_KILLS change the size. OSSA_TEST_CRASH_SEED has the same
 * workers killed as in a run before; when they die depends on the machine.
 */
final class CrashTest extends ProcessTestCase
{
    private const WORKERS = 3;

    protected function setUp(): void
    {
        parent::setUp();
        $seed = self::amount('OSSA_TEST_CRASH_SEED', random_int(1, 999_999));
        mt_srand($seed);
        fwrite(\STDERR, \sprintf("%s: OSSA_TEST_CRASH_SEED=%d\n", $this->nameWithDataSet(), $seed));
    }

    public function testNoMessageIsLost(): void
    {
        $messages = self::amount('OSSA_TEST_CRASH_MESSAGES', 5000);
        $kills = self::amount('OSSA_TEST_CRASH_KILLS', 20);
        $this->bootApplication();
        for ($number = 0; $number < $messages; ++$number) {
            $this->bus()->dispatch(new Count($number));
        }
        $this->startWorkers(self::WORKERS, ['work']);

        $this->killWhile(
            $kills,
            $messages,
            fn (): int => \count($this->effects()->all()),
            fn (): bool => 0 === array_sum($this->engine()->transport(['queue' => 'work'])->counts()),
        );
        $this->stopWorkers();

        $handled = array_count_values(array_column($this->effects()->all(), 0));
        self::assertCount($messages, $handled, 'every message was handled');
        $repeated = array_sum($handled) - $messages;
        self::assertLessThanOrEqual($kills, $repeated, 'effects repeated');
    }

    public function testNoRunIsLostAndNoResultRecordedTwice(): void
    {
        $runs = self::amount('OSSA_TEST_CRASH_RUNS', 500);
        $kills = self::amount('OSSA_TEST_CRASH_KILLS', 20);
        $this->bootApplication();
        $ids = [];
        for ($number = 0; $number < $runs; ++$number) {
            $ids[] = $this->runtime()->startWorkflow('three-steps', ['value' => $number])->getId();
        }
        $this->startWorkers(self::WORKERS, ['work']);

        $this->killWhile(
            $kills,
            3 * $runs,
            fn (): int => \count($this->effects()->all()),
            fn (): bool => [] === $this->engine()->runs(['status' => ['pending', 'running', 'waiting'], 'limit' => 1]),
        );
        $this->stopWorkers();

        foreach ($ids as $number => $id) {
            $run = $this->runOf($id);
            self::assertSame('completed', $run->getStatus(), $id);
            self::assertSame(['value' => $number], $run->getOutput());
            $completed = array_count_values(array_column(array_filter($run->getEvents(), static fn (array $event): bool => 'step_completed' === $event['type']), 'step'));
            ksort($completed);
            self::assertSame(['first' => 1, 'second' => 1, 'third' => 1], $completed, 'each result is recorded once');
        }
        $effects = array_count_values(array_column($this->effects()->all(), 3));
        self::assertCount(3 * $runs, $effects, 'every step had its effect');
        self::assertLessThanOrEqual($kills, array_sum($effects) - 3 * $runs, 'effects repeated');
    }

    /**
     * @param \Closure(): int  $progress
     * @param \Closure(): bool $done
     */
    private function killWhile(int $kills, int $total, \Closure $progress, \Closure $done): void
    {
        $killed = 0;
        $this->superviseUntil(function () use (&$killed, $kills, $total, $progress, $done): bool {
            // Spread over the work, so that every kill meets busy workers.
            if ($killed < $kills && $progress() >= ($killed + 1) * $total / ($kills + 1)) {
                $this->killAWorker();
                ++$killed;
            }

            return $killed === $kills && $done();
        }, 240);
    }

    private function bootApplication(): void
    {
        $this->boot(
            ['runtime' => ['transport' => 'work', 'lease_seconds' => 2]],
            ['transports' => ['work' => 'ossa://default?queue=work'], 'routing' => [Count::class => 'work']],
            [Workshop::class, CountHandler::class],
        );
    }

    private static function amount(string $variable, int $default): int
    {
        $size = getenv($variable);

        return false === $size ? $default : max(1, (int) $size);
    }
}
