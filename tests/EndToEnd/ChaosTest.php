<?php

declare(strict_types=1);

namespace Ossa\Tests\EndToEnd;

use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\Tests\Application\Handler\Workshop;
use Ossa\Tests\Application\ProcessTestCase;
use Ossa\Tests\Chaos\Backend;
use Ossa\Tests\Chaos\Fault;
use Ossa\Tests\Chaos\History;
use Ossa\Tests\Chaos\Letter;
use Ossa\Tests\Chaos\LetterHandler;
use Ossa\Tests\Chaos\Sender;
use Ossa\Tests\Support\SmallDisk;
use Ossa\Tests\Support\TcpProxy;
use Ossa\Tests\Support\TestServer;
use Ossa\Tests\Support\WorkerClocks;
use PHPUnit\Framework\Attributes\DataProvider;
use Symfony\Component\Messenger\Exception\TransportException;

/**
 * Rounds in which messages are sent and handled, and runs worked on, while something fails underneath. What was confirmed
 * must be handled.
 *
 * `scripts/chaos` sets the environment: OSSA_TEST_CHAOS_ROUNDS says how many rounds for each backend, dealt out to its
 * faults, OSSA_TEST_CHAOS_BACKEND and OSSA_TEST_CHAOS_FAULT name some of them, OSSA_TEST_CHAOS_REPORT is a file that gets a
 * line for each. Each round has a seed of its own, one more than the last one: OSSA_TEST_CHAOS_SEED is that of the first.
 */
final class ChaosTest extends ProcessTestCase
{
    private const WORKERS = 3;
    /** Of these, worker 0 and the sender reach the server through a network that fails. */
    private const BEHIND_THE_NETWORK = 0;
    /** Sent at once before the fault. */
    private const BATCH = 100;
    /** Sent one by one while the fault lasts. */
    private const LETTERS = 50;
    private const RUNS = 3;
    private const LEASE = 2;
    /** Seconds without progress after which what is missing is lost. */
    private const PATIENCE = 40.0;

    private Backend $backend;
    private Fault $fault;
    private History $history;
    private ?TestServer $server = null;
    private ?TcpProxy $network = null;
    private ?SmallDisk $disk = null;
    private ?WorkerClocks $clocks = null;
    private int $sent = 0;
    /** Sends and starts that were not confirmed. */
    private int $refused = 0;
    /** @var array<string, true> why */
    private array $refusals = [];
    /** When there is space on the disk again; null = there is some. */
    private ?float $fullUntil = null;
    /** @var list<string> ids */
    private array $runs = [];
    /** @var list<int> pids of workers that were killed while nothing else was wrong */
    private array $killed = [];
    /** In nanoseconds. */
    private int $longestTakeover = 0;

    /** @return iterable<string, array{Backend, non-empty-list<Fault>, int}> */
    public static function cases(): iterable
    {
        $rounds = getenv('OSSA_TEST_CHAOS_ROUNDS');
        $only = static fn (string $variable, string $name): bool => \in_array(getenv($variable), [false, '', $name], true);
        foreach (Backend::cases() as $backend) {
            if (false === $rounds) {
                if ([] !== $backend->faultsInShort()) {
                    yield $backend->value => [$backend, $backend->faultsInShort(), 1];
                }
                continue;
            }
            $faults = array_values(array_filter($backend->faults(), static fn (Fault $fault): bool => $only('OSSA_TEST_CHAOS_FAULT', $fault->value)));
            foreach ($only('OSSA_TEST_CHAOS_BACKEND', $backend->value) ? $faults : [] as $place => $fault) {
                yield $backend->value.' '.$fault->value => [$backend, [$fault], intdiv((int) $rounds + \count($faults) - 1 - $place, \count($faults))];
            }
        }
    }

    /** @param non-empty-list<Fault> $faults */
    #[DataProvider('cases')]
    public function testWhatWasConfirmedIsHandledWhateverFails(Backend $backend, array $faults, int $rounds): void
    {
        $this->backend = $backend;
        $seed = (int) (false === getenv('OSSA_TEST_CHAOS_SEED') ? random_int(1, 999_999) : getenv('OSSA_TEST_CHAOS_SEED'));
        $this->prepare($faults);

        for ($round = 0; $round < $rounds * \count($faults); ++$round) {
            $this->fault = $faults[$round % \count($faults)];
            mt_srand($seed + $round);
            $this->round($seed + $round);
        }
        // What a fault has left in somebody's hands comes again after its lease.
        usleep((self::LEASE * 1000 + 500) * 1000);
        $this->stopWorkers();

        $this->history->read();
        $this->report($rounds, $seed);
        foreach (array_keys($this->refusals) as $refusal) {
            self::assertMatchesRegularExpression('/the store is (full|not available)/', $refusal);
        }
        $repeat = \sprintf(' (OSSA_TEST_CHAOS_SEED=%d)', $seed);
        self::assertSame([], $this->history->disordered(), 'the steps of a run have their effects in order'.$repeat);
        self::assertLessThanOrEqual(1, $this->mostRepeatedAfterAKill(), 'messages that a worker had handled before it was killed were handled once more'.$repeat);
        if ([] === array_filter($faults, static fn (Fault $fault): bool => !$backend->keepsAll($fault))) {
            self::assertSame([], $this->history->missing(), 'every message was handled'.$repeat);
            self::assertSame(['completed'], array_values(array_unique(array_map(fn (string $id): string => $this->runOf($id)->getStatus(), $this->runs))), 'every run ends'.$repeat);
        }
    }

    protected function tearDown(): void
    {
        $this->shutDown();
        $this->server?->stop();
        $this->network?->stop();
        $this->disk?->unmount();
        parent::tearDown();
        unset($_ENV['OSSA_TEST_SERVER'], $_ENV['OSSA_TEST_DATABASE']);
    }

    protected function workerEnvironment(int $number): array
    {
        $reach = match (true) {
            null === $this->server => [],
            self::BEHIND_THE_NETWORK === $number => self::reach($this->address()),
            default => self::reach($this->server->dsn),
        };

        return $reach + ($this->clocks?->environment($number) ?? []);
    }

    /** @param list<Fault> $faults */
    private function prepare(array $faults): void
    {
        $any = static fn (\Closure $is): bool => [] !== array_filter($faults, $is);
        $data = $this->folder().'/data';
        $this->disk = \in_array(Fault::Disk, $faults, true) ? SmallDisk::mount($data, $this->backend->megabytes()) : null;
        $this->clocks = $any(static fn (Fault $fault): bool => $fault->isOfTheClock()) ? new WorkerClocks($this->folder()) : null;
        $this->server = $this->backend->start(null === $this->disk ? null : $data);
        $this->network = $any(static fn (Fault $fault): bool => $fault->isOfTheNetwork()) && null !== $this->server ? TcpProxy::to($this->server->port) : null;
        $this->history = new History($this->folder().'/effects.log');
        if (null !== $this->server) {
            $_ENV = self::reach($this->address()) + $_ENV;
        }
        $address = $this->backend->addresses();
        $this->boot(
            ['runtime' => ['transport' => 'work', 'lease_seconds' => self::LEASE, 'state_backend' => $address['store']]],
            ['transports' => ['work' => $address['transport'].'queue=work&ack_bound=1'], 'routing' => [Letter::class => 'work']],
            [LetterHandler::class, Sender::class, Workshop::class],
        );
        if (Backend::Doctrine === $this->backend) {
            $this->runConsole(['ossa:store:setup']);
        } elseif (Backend::Rabbitmq === $this->backend) {
            $this->runConsole(['messenger:setup-transports']);
            // A broker that is killed in this time forgets queues that are new.
            usleep(3_000_000);
        }
        $this->startWorkers(self::WORKERS, ['work']);
    }

    private function round(int $seed): void
    {
        $first = $this->sent;
        $handled = mt_rand(1, self::BATCH - 1);
        $this->start(self::RUNS, $seed);
        $this->sendMany(self::BATCH);
        $this->wait(fn (): bool => $this->history->countSince($first) >= $handled, $seed);

        $before = $this->sent;
        $at = hrtime(true);
        $this->strike($first);
        $this->send(self::LETTERS);
        $this->makeRoom();
        $this->wait(fn (): bool => [] === $this->history->missing() && [] === $this->history->unfinished(), $seed);
        foreach (range(0, self::WORKERS - 1) as $number) {
            $this->clocks?->set($number, 0);
        }
        if (Fault::Worker === $this->fault) {
            $this->longestTakeover = max($this->longestTakeover, $this->history->until($first, $before, $at));
        }
        $this->supervise();
    }

    /** @param int $first number of the first letter of this round: who handled some of them is busy */
    private function strike(int $first): void
    {
        match ($this->fault) {
            Fault::Worker => $this->killed[] = $this->killBusyWorker($first),
            Fault::Server => $this->killServer($first),
            Fault::Cut => $this->network?->cut(mt_rand(50, 3000)),
            Fault::Stall => $this->network?->stall(mt_rand(50, 2000 * self::LEASE)),
            Fault::Delay => $this->network?->delay(mt_rand(500, 2500), mt_rand(1, 50)),
            Fault::Disk => $this->fillDisk(),
            Fault::Forward => $this->setClocks(mt_rand(1, 3 * self::LEASE)),
            Fault::Back => $this->setClocks(-mt_rand(1, 2 * self::LEASE)),
        };
    }

    private function killBusyWorker(int $first): int
    {
        return $this->killOneOf($this->history->workersSince($first));
    }

    private function killServer(int $first): void
    {
        if (1 === mt_rand(0, 1)) {
            $this->killBusyWorker($first);
        }
        $this->server?->kill();
        usleep(mt_rand(0, 300_000));
        $this->server?->restart();
    }

    private function setClocks(int $seconds): void
    {
        foreach (1 === mt_rand(0, 1) ? range(0, self::WORKERS - 1) : [mt_rand(0, self::WORKERS - 1)] as $number) {
            $this->clocks?->set($number, $seconds);
        }
    }

    private function fillDisk(): void
    {
        $this->disk?->fill($this->backend->leftOnFullDisk()[mt_rand(0, 1)]);
        $this->fullUntil = microtime(true) + mt_rand(100, 3000) / 1000;
    }

    /** Once the disk has been full for long enough. A server that a full disk has ended is started again, as operators do. */
    private function makeRoom(): void
    {
        if (null === $this->fullUntil) {
            return;
        }
        usleep((int) max(0, ($this->fullUntil - microtime(true)) * 1e6));
        $this->disk?->free();
        $this->fullUntil = null;
        if (false === $this->server?->isRunning()) {
            $this->server->restart();
        }
    }

    /** Sends letters in one go, until it is confirmed. */
    private function sendMany(int $count): void
    {
        $numbers = range($this->sent, $this->sent + $count - 1);
        $this->untilConfirmed(fn (int $copy) => $this->service(Sender::class)->sendMany(array_map(static fn (int $number): Letter => new Letter($number, $copy), $numbers)));
        array_map($this->history->confirm(...), $numbers);
        $this->sent += $count;
    }

    /** Sends letters, each until it is confirmed. */
    private function send(int $count): void
    {
        // A disk is felt to be full by those that need space.
        $size = Fault::Disk === $this->fault ? 16_384 : 0;
        for ($to = $this->sent + $count; $this->sent < $to; ++$this->sent) {
            $this->untilConfirmed(fn (int $copy) => $this->service(Sender::class)->send(new Letter($this->sent, $copy, str_repeat('.', $size))));
            $this->history->confirm($this->sent);
        }
    }

    /** Starts runs, each until that is confirmed; with its key it is begun once. */
    private function start(int $count, int $seed): void
    {
        for ($number = 0; $number < $count; ++$number) {
            $run = $this->untilConfirmed(fn () => $this->runtime()->startWorkflow('three-steps', ['value' => $number], ['idempotency_key' => $seed.'/'.$number])->getId());
            $this->history->began($this->runs[] = $run);
        }
    }

    /**
     * @template T
     *
     * @param \Closure(int): T $try gets how many tries there were
     *
     * @return T
     */
    private function untilConfirmed(\Closure $try): mixed
    {
        $deadline = microtime(true) + self::PATIENCE;
        for ($tries = 0;; ++$tries) {
            try {
                return $try($tries);
            } catch (TransportException|EngineException $exception) {
                ++$this->refused;
                $this->refusals[$exception->getMessage()] = true;
                if (microtime(true) > $deadline) {
                    throw $exception;
                }
                $this->makeRoom();
                usleep(50_000);
            }
        }
    }

    /**
     * Until this holds or nothing goes on any more. After a worker was killed, its messages are the others' to take over.
     *
     * @param \Closure(): bool $until
     */
    private function wait(\Closure $until, int $seed): void
    {
        $patience = $this->backend->keepsAll($this->fault) ? self::PATIENCE : 2.0 * self::LEASE;
        $since = hrtime(true);
        while (true) {
            $this->history->read();
            if ($until()) {
                return;
            }
            if (hrtime(true) - max($since, $this->history->last()) > $patience * 1e9) {
                break;
            }
            if (Fault::Worker !== $this->fault) {
                $this->supervise();
            }
            usleep(20_000);
        }
        if ($this->backend->keepsAll($this->fault)) {
            self::fail(\sprintf("the round with seed %d does not end; missing are the letters [%s] and the rest of the runs [%s]; the log of the workers:\n%s", $seed, implode(', ', $this->history->missing()), implode(', ', $this->history->unfinished()), $this->log()));
        }
    }

    /** How this process and worker 0 reach the server. */
    private function address(): string
    {
        \assert(null !== $this->server);

        return null === $this->network ? $this->server->dsn : str_replace(':'.$this->server->port, ':'.$this->network->port, $this->server->dsn);
    }

    /** @return array<string, string> */
    private static function reach(string $dsn): array
    {
        return ['OSSA_TEST_SERVER' => $dsn, 'OSSA_TEST_DATABASE' => $dsn];
    }

    private function mostRepeatedAfterAKill(): int
    {
        return max([0, ...array_map($this->history->repeatedAfter(...), $this->killed)]);
    }

    private function report(int $rounds, int $seed): void
    {
        $file = getenv('OSSA_TEST_CHAOS_REPORT');
        if (false === $file) {
            return;
        }
        $confirmed = $this->history->confirmedCount();
        $handled = $this->history->handledCount();
        file_put_contents($file, implode("\t", [
            $this->backend->value, $this->fault->value, $rounds, $confirmed, $handled, $confirmed - $handled, $this->history->repeated(),
            Fault::Worker === $this->fault ? $this->mostRepeatedAfterAKill() : '-',
            Fault::Worker === $this->fault ? \sprintf('%.1f s', $this->longestTakeover / 1e9) : '-',
            $this->refused, $seed,
        ])."\n", \FILE_APPEND);
    }
}
