<?php

declare(strict_types=1);

namespace Ossa\Tests\EndToEnd;

use Ossa\Tests\Application\Handler\Workshop;
use Ossa\Tests\Application\ProcessTestCase;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\Attributes\TestWith;

/** Real `messenger:consume` processes, as a supervisor runs them. */
final class WorkerProcessTest extends ProcessTestCase
{
    /** @return iterable<string, array{string}> */
    public static function transports(): iterable
    {
        yield 'ossa' => ['ossa://default?queue=work'];
        yield 'Doctrine on SQLite' => ['doctrine://default?queue_name=work&redeliver_timeout=5'];
        yield 'Redis' => ['redis://127.0.0.1:{redis}/work?redeliver_timeout=5&consumer={process}'];
    }

    #[DataProvider('transports')]
    public function testTwoWorkersCarryOutAWorkflow(string $dsn): void
    {
        $this->bootOn($dsn);
        $this->startWorkers(2, ['work']);

        $dispatched = $this->runConsole(['ossa:dispatch', 'workflow', 'onboarding', '--input={"email": "ada@example.org"}', '--wait', '--timeout=30', '--format=json']);

        $run = json_decode($dispatched->getOutput(), true, flags: \JSON_THROW_ON_ERROR);
        self::assertIsArray($run);
        self::assertSame(['completed', ['user' => 'user-ada@example.org']], [$run['status'], $run['output']]);
        self::assertSame(
            ['validate' => 1, 'profile' => 1, 'verification' => 1, 'welcome' => 2, 'preferences' => 1, 'crm' => 1, 'track' => 1],
            array_column($run['steps'], 'attempts', 'id'),
        );
        self::assertCount(6, $this->effects()->all());
        self::assertStringContainsString('step_retry_scheduled', $this->runConsole(['ossa:run:show', $run['id']])->getOutput());
    }

    #[DataProvider('transports')]
    public function testAFailedStepIsShownAndRetriedFromTheFailureTransport(string $dsn): void
    {
        $this->bootOn($dsn);
        $fault = $this->folder().'/fault';
        touch($fault);
        $this->manifest('mend', <<<'YAML'
            apiVersion: ossa/v0.3.0
            kind: Task
            metadata: {name: mend}
            spec: {execution: {type: idempotent}, capabilities: [fail_while]}
            YAML);
        $this->startWorkers(1, ['work']);
        $id = trim($this->runConsole(['ossa:dispatch', 'task', 'mend', '--input='.json_encode(['file' => $fault], \JSON_THROW_ON_ERROR)])->getOutput());
        $this->superviseUntil(fn (): bool => str_contains($this->process(['messenger:failed:show'])->mustRun()->getOutput(), 'OssaStepMessage'));
        self::assertSame('failed', $this->runOf($id)->getStatus());

        $show = $this->runConsole(['messenger:failed:show', '-vv'])->getOutput();
        self::assertStringContainsString('the fault is still there', $show);
        self::assertSame(1, preg_match('/^\s+(\S+)\s+Ossa/m', $show, $match), $show);
        unlink($fault);
        $this->runConsole(['messenger:failed:retry', $match[1], '--force']);

        $this->superviseUntil(fn (): bool => 'completed' === $this->runOf($id)->getStatus());
        self::assertSame('mended', $this->runOf($id)->getOutput());
        self::assertStringContainsString('There are 0 messages', $this->runConsole(['messenger:failed:show'])->getOutput());
    }

    #[TestWith(['exit', 'ossa://default?queue=work'])]
    #[TestWith(['exhaust-memory', 'ossa://default?queue=work'])]
    #[TestWith(['exit', 'doctrine://default?queue_name=work&redeliver_timeout=2'])]
    public function testAHandlerThatEndsTheProcessFailsItsAttemptAndNothingElse(string $task, string $dsn): void
    {
        $this->bootOn($dsn);
        $this->startWorkers(2, ['work']);
        $bad = $this->runtime()->startTask($task)->getId();
        $good = $this->runtime()->startWorkflow('three-steps', ['value' => 1])->getId();

        $this->superviseUntil(fn (): bool => $this->runOf($bad)->isTerminal() && $this->runOf($good)->isTerminal());

        self::assertSame('completed', $this->runOf($good)->getStatus());
        self::assertSame('completed', $this->runOf($bad)->getStatus());
        self::assertSame(2, $this->runOf($bad)->getSteps()[0]['attempts']);
        $failures = array_values(array_filter($this->runOf($bad)->getEvents(), static fn (array $event): bool => 'attempt_failed' === $event['type']));
        self::assertSame(['HANDLER_EXIT'], array_map(static fn (array $event): mixed => \is_array($event['error'] ?? null) ? $event['error']['code'] : null, $failures));
    }

    #[TestWith(['ossa://default?queue=work'])]
    #[TestWith(['doctrine://default?queue_name=work&redeliver_timeout=60'])]
    public function testAnAttemptWhoseTimeIsUpFailsAndItsLateResultIsNotUsed(string $dsn): void
    {
        $this->bootOn($dsn);
        $this->manifest('slow', <<<'YAML'
            apiVersion: ossa/v0.3.0
            kind: Workflow
            metadata: {name: slow}
            spec:
              steps:
                - {id: slow, kind: Task, ref: sleep, timeout_seconds: 1, input: {milliseconds: 3000}, retry: {max_attempts: 1}}
            YAML);
        $this->startWorkers(2, ['work']);
        $slow = $this->runtime()->startWorkflow('slow')->getId();

        $this->superviseUntil(fn (): bool => $this->runOf($slow)->isTerminal());
        self::assertSame('TIMEOUT', $this->runOf($slow)->getError()['code'] ?? null);

        $this->superviseUntil(fn (): bool => [] !== array_filter($this->effects()->all(), static fn (array $effect): bool => 'ended' === $effect[4]));
        $this->stopWorkers();
        self::assertSame('failed', $this->runOf($slow)->getStatus());
        self::assertNull($this->step($slow, 'slow')['output']);
    }

    public function testAMessageThatCannotBeDecodedDoesNotStopTheWorker(): void
    {
        $this->bootOn('ossa://default?queue=work');
        $this->engine()->transport(['queue' => 'work'])->send('this was never serialized');
        $this->startWorkers(1, ['work'], ['--limit=2']);
        $good = $this->runtime()->startTask('echo', ['value' => 1])->getId();

        $this->superviseUntil(fn (): bool => $this->runOf($good)->isTerminal());

        self::assertStringContainsString('decod', strtolower($this->runConsole(['messenger:failed:show', '-vv'])->getOutput()));
    }

    public function testAWorkerThatIsAskedToStopGivesBackWhatItHasNotBegun(): void
    {
        $this->bootOn('ossa://default?queue=work', ['lease_seconds' => 600]);
        $slow = $this->runtime()->startTask('sleep', ['milliseconds' => 700])->getId();
        $others = [];
        for ($number = 0; $number < 20; ++$number) {
            $others[] = $this->runtime()->startTask('echo', ['value' => $number])->getId();
        }
        $this->startWorkers(1, ['work']);
        $this->superviseUntil(fn (): bool => [] !== $this->effects()->all());
        $this->stopWorkers();

        self::assertSame('completed', $this->runOf($slow)->getStatus(), 'the step at hand was finished');
        $this->startWorkers(1, ['work']);
        $this->superviseUntil(fn (): bool => [] === array_filter($others, fn (string $id): bool => !$this->runOf($id)->isTerminal()), 20);
        self::assertCount(22, $this->effects()->all(), 'nothing waited for a lease, nothing was done twice');
    }

    /** @param array<string, mixed> $runtime */
    private function bootOn(string $dsn, array $runtime = []): void
    {
        if (str_contains($dsn, '{redis}')) {
            if (!\extension_loaded('redis')) {
                self::markTestSkipped('the PHP extension "redis" is not installed');
            }
            $dsn = strtr($dsn, ['{redis}' => (string) $this->server('redis')->port, '{process}' => '%env(OSSA_TEST_CONSUMER)%']);
        }
        $this->boot(
            ['runtime' => ['transport' => 'work', 'lease_seconds' => 2, 'retry' => ['max_attempts' => 2, 'initial_delay_ms' => 50]] + $runtime],
            ['failure_transport' => 'failed', 'transports' => ['work' => $dsn, 'failed' => 'ossa://default?queue=failed']],
            [Workshop::class],
        );
        // Several processes that set up one table at the same time get in each other's way.
        $this->console(['command' => 'messenger:setup-transports']);
    }
}
