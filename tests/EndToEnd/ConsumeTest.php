<?php

declare(strict_types=1);

namespace Ossa\Tests\EndToEnd;

use Ossa\Tests\Application\Handler\Job;
use Ossa\Tests\Application\Handler\JobHandler;
use Ossa\Tests\Application\ProcessTestCase;
use Ossa\Tests\Support\TestServer;
use PHPUnit\Framework\Attributes\DataProvider;
use Symfony\Component\Messenger\Stamp\TransportNamesStamp;

/** `messenger:consume` with each of its options, and Messenger's other commands, on each of our transports. */
final class ConsumeTest extends ProcessTestCase
{
    /** @return iterable<string, array{string}> */
    public static function transports(): iterable
    {
        yield 'ossa' => ['ossa://default?'];
        yield 'SQLite' => ['ossa+sqlite:///%env(OSSA_TEST_FOLDER)%/queue.db?'];
        yield 'Redis' => ['redis'];
        yield 'PostgreSQL' => ['postgresql'];
        yield 'RabbitMQ' => ['rabbitmq'];
    }

    #[DataProvider('transports')]
    public function testItEndsAfterSoManyMessages(string $dsn): void
    {
        $this->bootOn($dsn);
        $this->dispatch('a', 'b', 'c', 'd', 'e');

        $this->consume('--limit=3');

        self::assertSame(['a', 'b', 'c'], $this->ended());
        self::assertSame(2, $this->waiting('work'));
    }

    #[DataProvider('transports')]
    public function testItEndsAfterATime(string $dsn): void
    {
        $this->bootOn($dsn);
        $this->dispatch('a');

        $this->consume('--time-limit=1');

        self::assertSame(['a'], $this->ended());
    }

    #[DataProvider('transports')]
    public function testItEndsWhenItHasTakenTooMuchMemory(string $dsn): void
    {
        $this->bootOn($dsn);
        $this->dispatch('a', 'b');

        $this->consume('--memory-limit=1K');

        self::assertSame(['a'], $this->ended());
        self::assertSame(1, $this->waiting('work'));
    }

    #[DataProvider('transports')]
    public function testItEndsAfterSoManyFailures(string $dsn): void
    {
        $this->bootOn($dsn);
        touch($fault = $this->folder().'/fault');
        $this->bus()->dispatch(new Job('a', failWhile: $fault));
        $this->dispatch('b');

        $this->consume('--failure-limit=1');

        self::assertSame([], $this->ended());
        self::assertSame(1, $this->waiting('failed'));
        self::assertSame(1, $this->waiting('work'));
    }

    #[DataProvider('transports')]
    public function testItReadsTheQueuesItIsToldTo(string $dsn): void
    {
        $this->bootOn($dsn);
        $this->dispatch('here');
        $this->bus()->dispatch(new Job('there'), [new TransportNamesStamp(['other'])]);

        $this->consume('--queues=elsewhere', '--limit=1');

        self::assertSame(['there'], $this->ended());
        self::assertSame(1, $this->waiting('work'));
    }

    #[DataProvider('transports')]
    public function testAHandlerThatTakesLongerThanTheLeaseIsRunOnce(string $dsn): void
    {
        $this->bootOn($dsn);
        $this->bus()->dispatch(new Job('slow', 3500));
        $this->startWorkers(2, ['work'], $this->knows('--keepalive') ? ['--keepalive=1'] : []);

        $this->superviseUntil(fn (): bool => ['slow'] === $this->ended());
        $this->stopWorkers();

        self::assertSame([['slow', 'began'], ['slow', 'ended']], $this->effects()->all());
        self::assertSame(0, $this->waiting('work'));
    }

    #[DataProvider('transports')]
    public function testSeveralMessagesMayBeFetchedAtOnce(string $dsn): void
    {
        $this->bootOn($dsn);
        $this->dispatch('a', 'b', 'c', 'd', 'e');

        $this->consume('--limit=4', ...($this->knows('--fetch-size') ? ['--fetch-size=3'] : []));

        self::assertSame(['a', 'b', 'c', 'd'], $this->ended());
        self::assertSame(1, $this->waiting('work'));
    }

    #[DataProvider('transports')]
    public function testAWorkerThatIsAskedToStopEndsItsMessageAndGivesBackTheOthers(string $dsn): void
    {
        $this->bootOn($dsn, leaseSeconds: 600);
        $this->bus()->dispatch(new Job('slow', 700));
        $names = array_map(strval(...), range(1, 20));
        $this->dispatch(...$names);
        $this->startWorkers(1, ['work']);
        $this->superviseUntil(fn (): bool => [] !== $this->effects()->all());

        $this->stopWorkers();

        self::assertSame(['slow'], $this->ended());
        self::assertSame(20, $this->waiting('work'));
        $this->consume('--limit=20', '--time-limit=30');
        self::assertSame(['slow', ...$names], $this->ended());
    }

    #[DataProvider('transports')]
    public function testFailedMessagesAreShownRetriedAndRemoved(string $dsn): void
    {
        $this->bootOn($dsn);
        touch($fault = $this->folder().'/fault');
        $this->bus()->dispatch(new Job('to be mended', failWhile: $fault));
        $this->bus()->dispatch(new Job('to be removed', failWhile: $fault));
        $this->consume('--limit=2');

        $shown = $this->runConsole(['messenger:failed:show'])->getOutput();
        self::assertSame(2, preg_match_all('/^\s+(\S+)\s+Ossa\S+Job\s/m', $shown, $match), $shown);
        [$mended, $removed] = $match[1];
        self::assertStringContainsString('the fault is still there', $this->runConsole(['messenger:failed:show', $mended, '-vv'])->getOutput());
        unlink($fault);
        $this->runConsole(['messenger:failed:retry', $mended, '--force']);
        $this->runConsole(['messenger:failed:remove', $removed, '--force']);

        self::assertSame(['to be mended'], $this->ended());
        self::assertSame(0, $this->waiting('failed'));
    }

    #[DataProvider('transports')]
    public function testTransportsAreSetUpAndCounted(string $dsn): void
    {
        $this->bootOn($dsn);
        self::assertStringContainsString('"work" transport was set up successfully', $this->runConsole(['messenger:setup-transports'])->getOutput());
        $this->dispatch('a', 'b');
        $this->runConsole(['messenger:setup-transports', 'work']);

        self::assertSame(2, $this->waiting('work'));
    }

    private function bootOn(string $dsn, int $leaseSeconds = 1): void
    {
        $own = 'p'.bin2hex(random_bytes(6)).'&';
        $dsn = match ($dsn) {
            'postgresql' => 'ossa+'.TestServer::shared($dsn)->dsn.'?schema='.$own,
            'redis', 'rabbitmq' => 'ossa+'.TestServer::shared($dsn)->dsn.'?prefix='.$own,
            default => $dsn,
        };
        $this->boot(
            ['runtime' => ['lease_seconds' => $leaseSeconds]],
            ['failure_transport' => 'failed', 'transports' => [
                'work' => ['dsn' => $dsn.'queue=work', 'retry_strategy' => ['max_retries' => 0]],
                'other' => $dsn.'queue=elsewhere',
                // A broker cannot show what waits in it.
                'failed' => (str_contains($dsn, 'amqp:') ? 'ossa://default?' : $dsn).'queue=failed',
            ], 'routing' => [Job::class => 'work']],
            [JobHandler::class],
        );
    }

    private function dispatch(string ...$names): void
    {
        foreach ($names as $name) {
            $this->bus()->dispatch(new Job($name));
        }
    }

    private function consume(string ...$options): void
    {
        $this->runConsole(['messenger:consume', 'work', '--sleep=0.05', ...array_values($options)]);
    }

    private function knows(string $option): bool
    {
        return str_contains($this->console(['command' => 'help', 'command_name' => 'messenger:consume'])->getDisplay(), $option);
    }

    /** @return list<string> */
    private function ended(): array
    {
        return array_column(array_filter($this->effects()->all(), static fn (array $effect): bool => 'ended' === $effect[1]), 0);
    }

    /** As other processes count them. */
    private function waiting(string $transport): int
    {
        $stats = $this->runConsole(['messenger:stats', $transport])->getOutput();
        self::assertSame(1, preg_match('/^\s+'.$transport.'\s+(\d+)\s*$/m', $stats, $match), $stats);

        return (int) $match[1];
    }
}
