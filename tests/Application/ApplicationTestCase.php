<?php

declare(strict_types=1);

namespace Ossa\Tests\Application;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Run;
use Ossa\SymfonyRuntime\OssaRuntime;
use PHPUnit\Framework\TestCase;
use Psr\Container\ContainerInterface;
use Symfony\Bundle\FrameworkBundle\Console\Application;
use Symfony\Component\Console\Tester\ApplicationTester;
use Symfony\Component\EventDispatcher\EventDispatcherInterface;
use Symfony\Component\Filesystem\Filesystem;
use Symfony\Component\Messenger\Event\WorkerRunningEvent;
use Symfony\Component\Messenger\MessageBusInterface;
use Symfony\Component\Messenger\Transport\Receiver\ReceiverInterface;
use Symfony\Component\Messenger\Transport\TransportInterface;
use Symfony\Component\Messenger\Worker;

/** A test with an application of its own: real kernel, real engine on a SQLite file, real Messenger. */
abstract class ApplicationTestCase extends TestCase
{
    private string $folder;
    private ?Kernel $kernel = null;
    private mixed $exceptionHandler;

    protected function setUp(): void
    {
        $this->folder = sys_get_temp_dir().'/ossa-test-'.bin2hex(random_bytes(6));
        (new Filesystem())->mkdir($this->folder.'/manifests');
        $this->exceptionHandler = set_exception_handler(null);
        restore_exception_handler();
    }

    protected function tearDown(): void
    {
        $this->shutDown();
        (new Filesystem())->remove($this->folder);
    }

    protected function folder(): string
    {
        return $this->folder;
    }

    /**
     * @param array<string, mixed>                                                                                           $ossa
     * @param array<string, mixed>                                                                                           $messenger
     * @param list<class-string>                                                                                             $services
     * @param array<string, array{class: class-string, arguments?: array<string, mixed>, tags?: list<array<string, mixed>>}> $defined
     */
    protected function boot(array $ossa = [], array $messenger = [], array $services = [], array $defined = []): Kernel
    {
        $this->shutDown();
        $settings = new Settings($this->folder, $ossa, $messenger, $services, $defined);
        $settings->save();
        $kernel = new Kernel($settings);
        $kernel->boot();

        return $this->kernel = $kernel;
    }

    protected function shutDown(): void
    {
        if (null === $this->kernel) {
            return;
        }
        $this->engine()->close();
        $this->kernel->shutdown();
        $this->kernel = null;
        // FrameworkBundle installs an exception handler, PHPUnit wants to find its own.
        while (set_exception_handler(null) !== $this->exceptionHandler) {
            restore_exception_handler();
            restore_exception_handler();
        }
        restore_exception_handler();
    }

    protected function container(): ContainerInterface
    {
        $container = $this->kernel?->getContainer()->get('test.service_container');
        self::assertInstanceOf(ContainerInterface::class, $container, 'the kernel is booted');

        return $container;
    }

    /**
     * @template T of object
     *
     * @param class-string<T> $class
     *
     * @return T
     */
    protected function service(string $class, ?string $id = null): object
    {
        $service = $this->container()->get($id ?? $class);
        self::assertInstanceOf($class, $service);

        return $service;
    }

    protected function engine(): Engine
    {
        return $this->service(Engine::class);
    }

    protected function runtime(): OssaRuntime
    {
        return $this->service(OssaRuntime::class);
    }

    protected function bus(): MessageBusInterface
    {
        return $this->service(MessageBusInterface::class);
    }

    protected function effects(): Effects
    {
        return $this->service(Effects::class);
    }

    protected function transport(string $name): TransportInterface
    {
        return $this->service(TransportInterface::class, 'messenger.transport.'.$name);
    }

    protected function runOf(string $id): Run
    {
        $run = $this->engine()->run($id);
        self::assertNotNull($run, 'the run exists');

        return $run;
    }

    /** @return array{id: string, name: ?string, child: ?string, status: string, attempts: int, input: mixed, output: mixed, error: ?array{code: string, message: string}, started_at: ?int, finished_at: ?int} */
    protected function step(string $runId, string $step): array
    {
        foreach ($this->runOf($runId)->getSteps() as $candidate) {
            if ($candidate['id'] === $step) {
                return $candidate;
            }
        }
        self::fail(\sprintf('The run has no step "%s".', $step));
    }

    /** @return list<string> */
    protected function eventTypes(string $runId): array
    {
        return array_column($this->runOf($runId)->getEvents(), 'type');
    }

    /**
     * Lets Symfony's own worker work in this process until the condition holds.
     *
     * @param list<string>     $transports
     * @param \Closure(): bool $until
     */
    protected function workUntil(\Closure $until, array $transports, float $seconds = 20.0): void
    {
        $dispatcher = $this->service(EventDispatcherInterface::class, 'event_dispatcher');
        $deadline = microtime(true) + $seconds;
        $stop = static function (WorkerRunningEvent $event) use ($until, $deadline): void {
            if ($until() || microtime(true) > $deadline) {
                $event->getWorker()->stop();
            }
        };
        $dispatcher->addListener(WorkerRunningEvent::class, $stop, -1000);
        try {
            $receivers = [];
            foreach ($transports as $name) {
                $receivers[$name] = $this->service(ReceiverInterface::class, 'messenger.transport.'.$name);
            }
            (new Worker($receivers, $this->service(MessageBusInterface::class, 'messenger.routable_message_bus'), $dispatcher))->run(['sleep' => 20_000]);
        } finally {
            $dispatcher->removeListener(WorkerRunningEvent::class, $stop);
        }
        self::assertTrue($until(), \sprintf("the worker did not get there within %.0f s; its log:\n%s", $seconds, $this->log()));
    }

    /** @param list<string> $transports */
    protected function workUntilEnded(string $runId, array $transports): Run
    {
        $this->workUntil(fn (): bool => $this->runOf($runId)->isTerminal(), $transports);

        return $this->runOf($runId);
    }

    /**
     * Runs a console command in this process.
     *
     * @param array<string, mixed> $input
     */
    protected function console(array $input): ApplicationTester
    {
        self::assertNotNull($this->kernel, 'the kernel is booted');
        $application = new Application($this->kernel);
        $application->setAutoExit(false);
        $tester = new ApplicationTester($application);
        $tester->run($input, ['capture_stderr_separately' => true, 'interactive' => false]);

        return $tester;
    }

    protected function log(): string
    {
        $file = $this->folder.'/warnings.log';

        return is_file($file) ? (string) file_get_contents($file) : '(no warnings)';
    }

    /** Writes a manifest that only this test knows. */
    protected function manifest(string $name, string $yaml): void
    {
        file_put_contents($this->folder.'/manifests/'.$name.'.yaml', $yaml);
    }
}
