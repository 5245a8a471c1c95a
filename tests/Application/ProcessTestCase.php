<?php

declare(strict_types=1);

namespace Ossa\Tests\Application;

use Composer\Autoload\ClassLoader;
use Ossa\Tests\Support\TestServer;
use Symfony\Component\Process\Process;

/** A test with processes of its own: workers, consoles and servers, none of which outlives it. */
abstract class ProcessTestCase extends ApplicationTestCase
{
    /** @var array<int, Process> workers that are started again when they end, by number */
    private array $workers = [];
    /** @var list<string> */
    private array $workerCommand = [];
    /** @var list<TestServer> */
    private array $servers = [];

    protected function tearDown(): void
    {
        foreach ($this->workers as $process) {
            $process->stop(5, \SIGTERM);
        }
        $this->workers = [];
        parent::tearDown();
        foreach ($this->servers as $server) {
            $server->stop();
        }
        $this->servers = [];
    }

    /**
     * @param list<string>          $arguments
     * @param array<string, string> $environment
     */
    protected function process(array $arguments, array $environment = []): Process
    {
        // The shell that PHP starts processes with is not to load what is preloaded for them.
        $preload = array_intersect_key($environment, ['LD_PRELOAD' => '']);
        $command = [] === $preload ? [] : ['env', 'LD_PRELOAD='.$preload['LD_PRELOAD']];

        return new Process(
            [...$command, \PHP_BINARY, __DIR__.'/console.php', $this->folder(), '--no-interaction', '--no-ansi', ...$arguments],
            $this->folder(),
            ['OSSA_TEST_AUTOLOAD' => array_key_first(ClassLoader::getRegisteredLoaders()).'/autoload.php', 'SHELL_VERBOSITY' => '0'] + array_diff_key($environment, $preload),
            timeout: 120,
        );
    }

    /** @param list<string> $arguments */
    protected function runConsole(array $arguments, int $exitCode = 0): Process
    {
        $process = $this->process($arguments);
        $process->run();
        self::assertSame($exitCode, $process->getExitCode(), $process->getOutput().$process->getErrorOutput().$this->log());

        return $process;
    }

    /**
     * Starts workers, as a supervisor would: {@see supervise()} starts them again.
     *
     * @param list<string> $transports
     * @param list<string> $options
     */
    protected function startWorkers(int $count, array $transports, array $options = []): void
    {
        $this->workerCommand = ['messenger:consume', ...$transports, '--sleep=0.05', ...$options];
        for ($number = 0; $number < $count; ++$number) {
            $this->startWorker($number);
        }
    }

    /** Starts workers that ended again; as long as this is called, there are as many as at first. */
    protected function supervise(): void
    {
        foreach ($this->workers as $number => $worker) {
            if (!$worker->isRunning()) {
                $this->startWorker($number);
            }
        }
    }

    /** Ends a worker without giving it a chance to tidy up; it is started again. */
    protected function killAWorker(): void
    {
        $number = array_rand($this->workers);
        $this->kill($this->workers[$number]);
        $this->startWorker($number);
    }

    /**
     * Ends one of these workers in the same way; {@see supervise()} starts it again.
     *
     * @param list<int> $pids
     *
     * @return int its pid
     */
    protected function killOneOf(array $pids): int
    {
        $candidates = array_filter($this->workers, static fn (Process $worker): bool => \in_array($worker->getPid(), $pids, true));
        // Those may have ended by themselves meanwhile.
        $candidates = [] === $candidates ? $this->workers : $candidates;
        $worker = $candidates[array_rand($candidates)];
        $pid = (int) $worker->getPid();
        $this->kill($worker);

        return $pid;
    }

    /** @return array<string, string> what the environment of a worker has besides */
    protected function workerEnvironment(int $number): array
    {
        return [];
    }

    /** Asks the workers to end, and waits until they have. */
    protected function stopWorkers(): void
    {
        // Messenger passes over a signal that comes before its worker is made.
        while ([] !== $running = array_filter($this->workers, static fn (Process $worker): bool => $worker->isRunning())) {
            foreach ($running as $worker) {
                $worker->signal(\SIGTERM);
            }
            usleep(200_000);
        }
        $this->workers = [];
    }

    /** @param \Closure(): bool $until */
    protected function superviseUntil(\Closure $until, float $seconds = 30.0): void
    {
        $deadline = microtime(true) + $seconds;
        while (!$until()) {
            if (microtime(true) > $deadline) {
                self::fail(\sprintf("the workers did not get there within %.0f s; their log:\n%s", $seconds, $this->log()));
            }
            $this->supervise();
            usleep(20_000);
        }
    }

    /** A server of this test alone; skips the test where it is not installed. */
    protected function server(string $name): TestServer
    {
        return $this->servers[] = TestServer::start($name);
    }

    private function kill(Process $worker): void
    {
        $worker->signal(\SIGKILL);
        $worker->wait();
    }

    private function startWorker(int $number): void
    {
        // Symfony's Redis transport wants a name of its own for each worker.
        $worker = $this->process($this->workerCommand, ['OSSA_TEST_CONSUMER' => 'worker-'.$number] + $this->workerEnvironment($number));
        $worker->setTimeout(null);
        $worker->disableOutput();
        $worker->start();
        $this->workers[$number] = $worker;
    }
}
