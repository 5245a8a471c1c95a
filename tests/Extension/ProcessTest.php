<?php

declare(strict_types=1);

namespace Ossa\Tests\Extension;

use Ossa\Runtime\Delivery;
use Ossa\Runtime\Exception\ProcessException;
use Ossa\Runtime\Transport;
use Ossa\Tests\Extension\Support\Workbench;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\Attributes\RequiresPhpExtension;
use PHPUnit\Framework\Attributes\TestDox;
use PHPUnit\Framework\TestCase;
use Symfony\Component\Process\Process;

/**
 * A PHP process ends, or forks, with a step claimed, a message taken and others prefetched by the background thread.
 *
 * A process that hangs fails its test by the time limit of {@see script()}.
 */
final class ProcessTest extends TestCase
{
    use Workbench;

    private const TIME_LIMIT = 60;

    /** @return iterable<string, array{string, int}> */
    public static function orderlyEnds(): iterable
    {
        yield 'the end of the script' => ['return', 0];
        yield 'exit' => ['exit', 7];
        yield 'exit within a function' => ['exit-in-a-function', 7];
        yield 'an exception that nobody catches' => ['exception', 255];
        yield 'an error of PHP that nobody catches' => ['error', 255];
        yield 'the memory limit' => ['memory', 255];
        yield 'the time limit' => ['time', 255];
    }

    #[DataProvider('orderlyEnds')]
    #[TestDox('What was not handed out is given back at once, what was is delivered again: $_dataName')]
    public function testNothingIsLostByAnOrderlyEnd(string $ending, int $exitCode): void
    {
        $process = $this->script('in-flight', $ending);
        $process->run();

        self::assertSame($exitCode, $process->getExitCode(), self::outputOf($process));
        $this->assertGivenBack();
        $this->assertTheStepIsDeliveredAgain();
    }

    #[RequiresPhpExtension('pcntl')]
    #[TestDox('A worker that handles SIGTERM gives back what it was not handed out')]
    public function testAWorkerThatHandlesTheSignalToEndGivesBack(): void
    {
        $process = $this->interrupt('signal-handled', \SIGTERM);

        self::assertSame(0, $process->getExitCode(), self::outputOf($process));
        self::assertStringContainsString('stopping', $process->getOutput());
        $this->assertGivenBack();
        $this->assertTheStepIsDeliveredAgain();
    }

    /** @return iterable<string, array{string, int}> */
    public static function suddenEnds(): iterable
    {
        yield 'SIGTERM without a handler' => ['terminated', 15];
        yield 'SIGKILL' => ['killed', 9];
    }

    #[DataProvider('suddenEnds')]
    #[TestDox('Everything not acknowledged is delivered again when its lease is over: $_dataName')]
    public function testNothingIsLostByASuddenEnd(string $ending, int $signal): void
    {
        $process = $this->interrupt($ending, $signal);

        self::assertTrue($process->hasBeenSignaled());
        self::assertSame($signal, $process->getTermSignal());
        $bodies = [];
        $transport = $this->engine()->transport(['queue' => 'messages']);
        self::eventually(static function () use ($transport, &$bodies): bool {
            foreach ($transport->receive(10, 100) as $delivery) {
                $bodies[] = (int) $delivery->getBody();
                $transport->ack($delivery->getId());
            }

            return [] === array_diff(range(9, 39), $bodies);
        });
        self::assertSame($bodies, array_unique($bodies));
        $this->assertTheStepIsDeliveredAgain();
    }

    #[RequiresPhpExtension('pcntl')]
    #[TestDox('A forked child works with an engine of its own, and the parent goes on with its')]
    public function testAForkedChildWorksWithAnEngineOfItsOwn(): void
    {
        $report = $this->report('own-engine');

        $messages = $report['messages'];
        unset($report['messages']);
        self::assertSame(
            ['child' => 0, 'kept' => true, 'report' => 'recorded', 'run' => 'completed', 'of_child' => 'completed', 'value' => 'child'],
            $report,
        );
        self::assertSame([...self::messagesOfTheParent(), 'child'], $messages);
    }

    #[RequiresPhpExtension('pcntl')]
    #[TestDox('In a child, what the parent made says so and what to do, and its end takes nothing from the parent')]
    public function testInAChildWhatTheParentMadeIsRefused(): void
    {
        $report = $this->report('foreign-objects');

        self::assertSame(0, $report['child']);
        $child = $report['of_child'];
        self::assertIsArray($child);
        self::assertSame(['name' => 'Ada', 'excited' => false], $child['input'], 'values that were read stay readable');
        self::assertSame('parent 9', $child['body']);
        self::assertIsArray($child['seen']);
        self::assertCount(11, $child['seen']);
        foreach ($child['seen'] as $call => $seen) {
            self::assertSame([
                ProcessException::class,
                'OSSA-X001',
                \sprintf('this object belongs to process %d and was used in process %d', $report['parent_pid'], $child['pid']),
                'open a new one in the child after pcntl_fork()',
            ], $seen, $call.'()');
        }
        self::assertSame(self::messagesOfTheParent(), $report['messages']);
    }

    #[RequiresPhpExtension('pcntl')]
    #[TestDox('What a child writes is kept when its parent closes the store and ends before it')]
    public function testWhatAChildWritesIsKeptWhenItsParentEndsBeforeIt(): void
    {
        $process = $this->script('fork', 'parent-ends-first');
        $process->mustRun();

        self::assertStringContainsString('child done', $process->getOutput());
        self::assertSame(
            ['while the parent lives', ...array_map(static fn (int $number): string => 'after the parent '.$number, range(0, 4))],
            array_map(static fn (Delivery $delivery): string => $delivery->getBody(), $this->engine()->transport(['queue' => 'of-child'])->all()),
        );
    }

    #[RequiresPhpExtension('pcntl')]
    #[RequiresPhpExtension('posix')]
    #[TestDox('Children made while the background thread is busy neither hang nor disturb the parent')]
    public function testManyChildrenNeitherHangNorDisturbTheParent(): void
    {
        self::assertSame(['ended' => [0 => 20, \SIGKILL => 10], 'taken' => 540, 'of_children' => 30], $this->report('many'));
    }

    private function script(string $name, string $scene): Process
    {
        return new Process([\PHP_BINARY, __DIR__.'/Fixture/process/'.$name.'.php', $this->dsn(), self::MANIFESTS, $scene], timeout: self::TIME_LIMIT);
    }

    /** Sends the signal when everything is in flight. */
    private function interrupt(string $ending, int $signal): Process
    {
        $process = $this->script('in-flight', $ending);
        $process->start();
        $process->waitUntil(static fn (string $type, string $output): bool => Process::OUT === $type && str_contains($output, 'in flight'));
        $process->signal($signal);
        $process->wait();

        return $process;
    }

    /** @return array<string, mixed> what the script saw */
    private function report(string $scene): array
    {
        $process = $this->script('fork', $scene);
        $process->run();
        self::assertSame(0, $process->getExitCode(), self::outputOf($process));
        $report = json_decode($process->getOutput(), true);
        self::assertIsArray($report, self::outputOf($process));

        return $report;
    }

    private function assertGivenBack(): void
    {
        self::assertSame(['ready' => 30, 'delayed' => 0, 'leased' => 1], $this->engine()->transport(['queue' => 'messages'])->counts());
    }

    private function assertTheStepIsDeliveredAgain(): void
    {
        $engine = $this->engine();
        $transport = $engine->transport(['queue' => 'steps']);
        $delivery = null;
        self::eventually(static function () use ($transport, &$delivery): bool {
            $delivery = self::first($transport);

            return null !== $delivery;
        });
        self::assertInstanceOf(Delivery::class, $delivery);
        self::assertSame(1, $delivery->getStep()['attempt'] ?? null, 'the attempt that was under way is run again');
        self::assertSame('completed', $engine->complete((string) $delivery->getToken(), ['text' => 'hi'])->getRunStatus());
    }

    private static function first(Transport $transport): ?Delivery
    {
        return $transport->receive(1, 100)[0] ?? null;
    }

    /** @return list<string> those not acknowledged before the fork, nor held */
    private static function messagesOfTheParent(): array
    {
        return array_map(static fn (int $number): string => 'parent '.$number, range(10, 39));
    }

    /** @param \Closure(): bool $condition */
    private static function eventually(\Closure $condition): void
    {
        $until = microtime(true) + self::TIME_LIMIT;
        while (!$condition()) {
            self::assertLessThan($until, microtime(true), 'it did not come to that');
        }
    }

    private static function outputOf(Process $process): string
    {
        return $process->getOutput().$process->getErrorOutput();
    }
}
