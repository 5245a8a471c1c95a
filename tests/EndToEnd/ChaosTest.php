<?php

declare(strict_types=1);

namespace Ossa\Tests\EndToEnd;

use Ossa\Tests\Application\Handler\Count;
use Ossa\Tests\Application\Handler\CountHandler;
use Ossa\Tests\Application\ProcessTestCase;
use Ossa\Tests\Support\TestServer;
use PHPUnit\Framework\Attributes\DataProvider;
use Symfony\Component\Messenger\Exception\TransportException;

/**
 * Rounds in which messages are sent and handled while a worker, and the server that keeps the messages, are killed by a
 * signal that lets them do nothing more. What was confirmed must be handled.
 *
 * OSSA_TEST_CHAOS_ROUNDS says how many; OSSA_TEST_CHAOS_REPORT names a file that gets a line for each backend.
 */
final class ChaosTest extends ProcessTestCase
{
    private const WORKERS = 3;
    private const MESSAGES_A_ROUND = 200;

    private int $unconfirmed = 0;

    /** @return iterable<string, array{string, string|null}> DSN, and the server it needs */
    public static function backends(): iterable
    {
        yield 'engine' => ['ossa://default', null];
        yield 'sqlite' => ['ossa+sqlite:///%env(OSSA_TEST_FOLDER)%/queue.db', null];
        yield 'redis' => ['ossa+{server}', 'redis'];
    }

    #[DataProvider('backends')]
    public function testWhatWasConfirmedIsHandledWhateverIsKilled(string $dsn, ?string $needs): void
    {
        $server = null === $needs ? null : $this->server($needs);
        $this->boot(
            ['runtime' => ['lease_seconds' => 2]],
            ['transports' => ['work' => str_replace('{server}', $server->dsn ?? '', $dsn).'?queue=work'], 'routing' => [Count::class => 'work']],
            [CountHandler::class],
        );
        $this->startWorkers(self::WORKERS, ['work']);
        $rounds = self::rounds();

        for ($round = 0; $round < $rounds; ++$round) {
            $this->round($round, $server);
        }
        $total = $rounds * self::MESSAGES_A_ROUND;
        $this->superviseUntil(fn (): bool => \count($this->handled()) >= $total, 60);
        $this->stopWorkers();

        $doubled = array_sum($this->handled()) - $total;
        $this->report((string) $this->dataName(), $rounds, null === $server ? 0 : $rounds, $total, $doubled);
        self::assertCount($total, $this->handled());
    }

    /** Kills a worker and the server at moments that differ from round to round. */
    private function round(int $round, ?TestServer $server): void
    {
        $first = $round * self::MESSAGES_A_ROUND;
        $half = $first + intdiv(self::MESSAGES_A_ROUND, 2);
        $this->send($first, $half);
        $handled = $first + random_int(0, intdiv(self::MESSAGES_A_ROUND, 2) - 1);
        $this->superviseUntil(fn (): bool => \count($this->handled()) >= $handled, 60);
        $this->killAWorker();
        $server?->kill();
        $server?->restart();
        $this->send($half, $first + self::MESSAGES_A_ROUND);
    }

    /** Sends until it is confirmed. What failed may have been stored all the same: it can then be handled twice. */
    private function send(int $from, int $to): void
    {
        for ($number = $from; $number < $to; ++$number) {
            for ($deadline = microtime(true) + 30;;) {
                try {
                    $this->bus()->dispatch(new Count($number));
                    break;
                } catch (TransportException $exception) {
                    ++$this->unconfirmed;
                    if (microtime(true) > $deadline) {
                        throw $exception;
                    }
                    usleep(50_000);
                }
            }
        }
    }

    private static function rounds(): int
    {
        $rounds = getenv('OSSA_TEST_CHAOS_ROUNDS');

        return false === $rounds ? 2 : max(1, (int) $rounds);
    }

    /** @return array<string, int> how often each message was handled */
    private function handled(): array
    {
        return array_count_values(array_column($this->effects()->all(), 0));
    }

    private function report(string $backend, int $workersKilled, int $serversKilled, int $messages, int $doubled): void
    {
        $file = getenv('OSSA_TEST_CHAOS_REPORT');
        if (false !== $file) {
            $row = [$backend, $workersKilled, $serversKilled, $messages, $messages - \count($this->handled()), $doubled, $this->unconfirmed];
            file_put_contents($file, implode("\t", $row)."\n", \FILE_APPEND);
        }
    }
}
