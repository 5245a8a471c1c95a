<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle;

use Ossa\Tests\Application\ApplicationTestCase;
use Ossa\Tests\Application\Handler\Workshop;
use PHPUnit\Framework\Attributes\DataProvider;
use Symfony\Component\Console\Tester\ApplicationTester;

/** Runs steered and repaired on the command line. */
final class RunCommandsTest extends ApplicationTestCase
{
    protected function setUp(): void
    {
        parent::setUp();
        $this->boot(services: [Workshop::class]);
    }

    public function testAPausedRunIsShownAsSuchAndGoesOnWhenResumed(): void
    {
        $run = $this->runtime()->startWorkflow('three-steps', ['value' => 1])->getId();

        $paused = $this->order('pause', $run, ['--by' => 'ada', '--reason' => 'mail server down']);
        self::assertSame([0, "Run $run is paused."], [$paused->getStatusCode(), trim($paused->getDisplay())]);
        self::assertStringContainsString('mail server down', $this->console(['command' => 'ossa:run:show', 'id' => $run])->getDisplay());

        $resumed = $this->order('resume', $run, ['--format' => 'json']);
        self::assertSame(['run' => $run, 'status' => 'running'], json_decode($resumed->getDisplay(), true));
        self::assertSame('completed', $this->workUntilEnded($run, ['ossa'])->getStatus());
    }

    public function testARunIsPausedWhateverItsTransport(): void
    {
        $this->boot(['runtime' => ['transport' => 'async']], ['transports' => ['async' => 'in-memory://']], [Workshop::class]);
        $run = $this->runtime()->startWorkflow('three-steps', ['value' => 1])->getId();
        $this->order('pause', $run);
        // The message that is on its way finds nothing to do.
        $this->workUntil(fn (): bool => [] === $this->transport('async')->get(), ['async']);
        self::assertSame('paused', $this->runOf($run)->getStatus());

        $this->order('resume', $run);
        self::assertSame('completed', $this->workUntilEnded($run, ['async'])->getStatus());
    }

    public function testAFailedStepIsSkippedAndItsRunGoesOn(): void
    {
        $this->manifest('careless', "apiVersion: ossa/v0.3.0\nkind: Workflow\nmetadata: {name: careless}\nspec:\n  steps:\n    - {id: bad, kind: Task, inline: {capabilities: [fail]}}\n    - {id: good, kind: Task, ref: echo}\n");
        $run = $this->runtime()->startWorkflow('careless')->getId();
        $this->workUntilEnded($run, ['ossa']);
        self::assertSame('failed', $this->runOf($run)->getStatus());

        $skipped = $this->console(['command' => 'ossa:run:skip', 'id' => $run, 'step' => 'bad']);
        self::assertSame(0, $skipped->getStatusCode(), $skipped->getErrorOutput());
        self::assertSame('completed', $this->workUntilEnded($run, ['ossa'])->getStatus());
        self::assertSame('skipped', $this->step($run, 'bad')['status']);
    }

    /** @return iterable<string, array{list<string>, array<string, mixed>, array<string, mixed>}> */
    public static function transports(): iterable
    {
        yield 'the engine\'s own' => [['ossa'], [], []];
        yield 'another one' => [['async'], ['runtime' => ['transport' => 'async']], ['transports' => ['async' => 'in-memory://']]];
    }

    /**
     * @param list<string>         $receivers
     * @param array<string, mixed> $ossa
     * @param array<string, mixed> $messenger
     */
    #[DataProvider('transports')]
    public function testAWorkflowWithinAWorkflowIsWorkedOffAndBothNameEachOther(array $receivers, array $ossa, array $messenger): void
    {
        $this->boot($ossa, $messenger, [Workshop::class]);
        $this->manifest('outer', "apiVersion: ossa/v0.3.0\nkind: Workflow\nmetadata: {name: outer}\nspec:\n  concurrency: {group: one}\n  steps:\n    - {id: inside, kind: Task, ref: inner, input: {value: 7}}\n    - {id: after, kind: Task, ref: echo}\n");
        $this->manifest('inner', "apiVersion: ossa/v0.3.0\nkind: Workflow\nmetadata: {name: inner}\nspec:\n  steps: [{id: only, kind: Task, ref: echo, input: {value: '\${{ workflow.input.value }}'}}]\n");
        $run = $this->runtime()->startWorkflow('outer')->getId();
        $waiting = $this->runtime()->startWorkflow('outer')->getId();
        self::assertSame(['waiting', 'pending'], [$this->runOf($run)->getStatus(), $this->runOf($waiting)->getStatus()]);

        $child = $this->step($run, 'inside')['child'];
        self::assertIsString($child);
        self::assertSame(['run' => $run, 'step' => 'inside'], array_intersect_key($this->runOf($child)->getParent() ?? [], ['run' => 0, 'step' => 0]));
        self::assertStringContainsString("inside runs as $child", $this->console(['command' => 'ossa:run:show', 'id' => $run])->getDisplay());
        self::assertStringContainsString("Child of run $run", $this->console(['command' => 'ossa:run:show', 'id' => $child])->getDisplay());
        $children = json_decode($this->console(['command' => 'ossa:run:list', '--format' => 'json', '--label' => ["ossa.parent=$run"]])->getDisplay(), true);
        self::assertSame([$child], array_column((array) $children, 'id'));

        self::assertSame('completed', $this->workUntilEnded($run, $receivers)->getStatus());
        self::assertSame('completed', $this->workUntilEnded($waiting, $receivers)->getStatus());
    }

    public function testWhoRetriesAStepOrCancelsARunIsInItsTimeline(): void
    {
        $this->manifest('careless', "apiVersion: ossa/v0.3.0\nkind: Workflow\nmetadata: {name: careless}\nspec:\n  steps:\n    - {id: bad, kind: Task, inline: {capabilities: [fail]}}\n");
        $run = $this->runtime()->startWorkflow('careless')->getId();
        $this->workUntilEnded($run, ['ossa']);

        $this->order('retry', $run, ['step' => 'bad', '--by' => 'ada', '--reason' => 'the server is back']);
        $this->order('cancel', $run, ['--by' => 'bob', '--reason' => 'enough']);

        $shown = $this->console(['command' => 'ossa:run:show', 'id' => $run])->getDisplay();
        self::assertStringContainsString('retry by ada: the server is back', $shown);
        self::assertStringContainsString('by bob: enough', $shown);
    }

    /** @return iterable<string, array{string, array<string, string>, string}> */
    public static function refusals(): iterable
    {
        yield 'a run that has ended is not paused' => ['pause', [], 'OSSA-R010'];
        yield 'nor aborted' => ['abort', [], 'it is canceled'];
        yield 'nor canceled' => ['cancel', [], 'it is canceled'];
        yield 'its steps are not skipped' => ['skip', ['step' => 'first'], 'OSSA-R011'];
        yield 'nor executed' => ['execute', ['step' => 'first'], 'OSSA-R011'];
        yield 'nor retried' => ['retry', ['step' => 'first'], 'OSSA-R006'];
        yield 'a step that is not there' => ['skip', ['step' => 'nowhere'], 'OSSA-N008'];
    }

    /** @param array<string, string> $more */
    #[DataProvider('refusals')]
    public function testARefusalIsExplainedOnStandardError(string $order, array $more, string $words): void
    {
        $run = $this->runtime()->startWorkflow('three-steps', ['value' => 1])->getId();
        $this->order('cancel', $run);

        $refused = $this->order($order, $run, $more);
        self::assertSame([1, ''], [$refused->getStatusCode(), $refused->getDisplay()]);
        self::assertStringContainsString($words, $refused->getErrorOutput());
    }

    public function testRunsAreFoundByLabelAndTime(): void
    {
        $dispatch = fn (string ...$labels): string => trim($this->console(['command' => 'ossa:dispatch', 'kind' => 'task', 'name' => 'echo', '--label' => $labels])->getDisplay());
        $blue = $dispatch('team=blue', 'tier=gold');
        $red = $dispatch('team=red');

        $list = fn (array $options): array => array_column((array) json_decode($this->console(['command' => 'ossa:run:list', '--format' => 'json'] + $options)->getDisplay(), true), 'id');
        self::assertSame([$blue], $list(['--label' => ['team=blue', 'tier=gold']]));
        self::assertSame([$red, $blue], $list(['--created-from' => '1h', '--updated-from' => '2020-01-01', '--updated-before' => '2999-01-01T00:00:00Z']));
        self::assertSame([], $list(['--updated-before' => '1h']));
        self::assertSame([$blue], $list(['--after' => $red]));
        foreach ([['--label' => ['team']], ['--created-from' => 'yesterday']] as $mistake) {
            self::assertSame(2, $this->console(['command' => 'ossa:run:list'] + $mistake)->getStatusCode());
        }
    }

    public function testARunSaysWhatItWaitsFor(): void
    {
        $run = $this->runtime()->startWorkflow('three-steps', ['value' => 1])->getId();

        $why = $this->console(['command' => 'ossa:run:why', 'id' => $run]);
        self::assertSame(0, $why->getStatusCode(), $why->getErrorOutput());
        self::assertStringContainsString('`second` waits for `first`', $why->getDisplay());
        $data = json_decode($this->console(['command' => 'ossa:run:why', 'id' => $run, '--format' => 'json'])->getDisplay(), true);
        self::assertSame(['queued', 'first'], [$data['reasons'][0]['code'] ?? null, $data['reasons'][0]['step'] ?? null]);
    }

    public function testAHistoryBeginsWhereItIsAskedTo(): void
    {
        $run = $this->runtime()->startTask('echo')->getId();
        $this->workUntilEnded($run, ['ossa']);

        $history = fn (string $after): array => (array) json_decode($this->console(['command' => 'ossa:run:history', 'id' => $run, '--format' => 'json'] + ('' === $after ? [] : ['--after' => $after]))->getDisplay(), true);
        self::assertSame($this->eventTypes($run), array_column($history(''), 'type'));
        self::assertNotContains('run_created', array_column($history('1'), 'type'));
        self::assertStringContainsString('run_completed', $this->console(['command' => 'ossa:run:history', 'id' => $run])->getDisplay());
    }

    public function testEndedRunsAreRemovedAsConfiguredOrAsked(): void
    {
        $this->boot(['runtime' => ['retention' => ['completed' => ['max_count' => 1]]]], services: [Workshop::class]);
        $end = function (): string {
            $run = $this->runtime()->startTask('echo')->getId();
            $this->workUntilEnded($run, ['ossa']);

            return $run;
        };
        $runs = [$end(), $end()];
        $dry = $this->console(['command' => 'ossa:run:prune', '--dry-run' => true]);
        self::assertSame(0, $dry->getStatusCode(), $dry->getErrorOutput());
        self::assertStringContainsString($runs[0], $dry->getDisplay());
        self::assertNotNull($this->engine()->run($runs[0]));

        $this->console(['command' => 'ossa:run:prune']);
        self::assertNull($this->engine()->run($runs[0]));
        self::assertNotNull($this->engine()->run($runs[1]));
        self::assertSame(0, $this->console(['command' => 'ossa:run:prune', '--status' => ['completed'], '--keep' => '0'])->getStatusCode());
        self::assertNull($this->engine()->run($runs[1]));
        foreach ([['--status' => ['failed']], ['--status' => ['running'], '--keep' => '1'], ['--older-than' => 'soon']] as $mistake) {
            self::assertSame(2, $this->console(['command' => 'ossa:run:prune'] + $mistake)->getStatusCode());
        }
    }

    public function testARunGoesOnWithANewVersion(): void
    {
        $version = static fn (string ...$steps): string => "apiVersion: ossa/v0.3.0\nkind: Workflow\nmetadata: {name: changing}\nspec:\n  steps:\n".implode('', array_map(static fn (string $step): string => "    - {id: $step, kind: Task, ref: echo}\n", $steps));
        $this->manifest('changing', $version('one', 'two'));
        $run = $this->runtime()->startWorkflow('changing')->getId();

        $this->manifest('changing', $version('first', 'two'));
        $refused = $this->console(['command' => 'ossa:run:migrate', 'id' => $run, '--dry-run' => true]);
        self::assertSame(1, $refused->getStatusCode(), $refused->getErrorOutput());
        self::assertStringContainsString('in the way: `one` is in flight', $refused->getDisplay());
        self::assertStringContainsString('OSSA-R015', $this->console(['command' => 'ossa:run:migrate', 'id' => $run])->getErrorOutput());

        $this->manifest('changing', $version('one', 'second', 'third'));
        $migrated = $this->console(['command' => 'ossa:run:migrate', 'id' => $run, '--format' => 'json']);
        self::assertSame(0, $migrated->getStatusCode(), $migrated->getErrorOutput());
        self::assertTrue(((array) json_decode($migrated->getDisplay(), true))['migrated'] ?? null);
        self::assertSame(['one', 'second', 'third'], array_column($this->workUntilEnded($run, ['ossa'])->getSteps(), 'id'));
    }

    public function testARunMovesFromStoreToStore(): void
    {
        $run = $this->runtime()->startWorkflow('three-steps', ['value' => 7])->getId();
        $file = $this->folder().'/run.json';
        self::assertSame(0, $this->console(['command' => 'ossa:run:export', 'id' => $run, '--output' => $file])->getStatusCode());
        self::assertStringContainsString($run, $this->console(['command' => 'ossa:run:export', 'id' => $run])->getDisplay());

        $this->boot(['runtime' => ['state_backend' => 'sqlite://'.$this->folder().'/elsewhere.db']], services: [Workshop::class]);
        $import = fn (string $file): ApplicationTester => $this->console(['command' => 'ossa:run:import', 'file' => $file]);
        $imported = $import($file);
        self::assertSame("Run $run is imported.", trim($imported->getDisplay()), $imported->getErrorOutput());
        self::assertStringContainsString('was there already', $import($file)->getDisplay());
        self::assertSame(['value' => 7], $this->workUntilEnded($run, ['ossa'])->getOutput());
        self::assertStringContainsString('OSSA-N021', $import($file)->getErrorOutput());
        file_put_contents($file, '{}');
        self::assertSame([1, 2], [$import($file)->getStatusCode(), $import('/no/such/file')->getStatusCode()]);
    }

    public function testAnApprovalAndAnEventLetARunGoOn(): void
    {
        $this->manifest('ask', <<<'YAML'
            apiVersion: ossa/v0.3.0
            kind: Workflow
            metadata: {name: ask}
            spec:
              steps:
                - {id: sign, type: approval, approvers: [{role: finance}]}
                - {id: paid, kind: Task, inline: {execution: {type: event_wait, event: {type: payment.received}}}}
                - {id: ship, kind: Task, ref: echo, input: {value: '${{ steps.paid.output.amount }}'}}
            YAML);
        $run = $this->runtime()->startWorkflow('ask')->getId();
        self::assertSame('waiting', $this->runOf($run)->getStatus());

        $decide = ['command' => 'ossa:run:decide', 'id' => $run, 'step' => 'sign', 'decision' => 'approve', '--by' => 'ada', '--reason' => 'it is cheap'];
        self::assertSame("Run $run is waiting.", trim($this->console($decide)->getDisplay()));
        $late = $this->console($decide);
        self::assertSame(1, $late->getStatusCode());
        self::assertStringContainsString('OSSA-R012', $late->getErrorOutput());

        $signal = ['command' => 'ossa:run:signal', 'id' => $run];
        self::assertSame(2, $this->console($signal + ['event' => 'payment.received', '--payload' => '5'])->getStatusCode());
        self::assertSame(1, $this->console($signal + ['event' => 'nobody.asked'])->getStatusCode());
        $sent = $this->console($signal + ['event' => 'payment.received', '--payload' => '{"amount": 5}', '--format' => 'json']);
        self::assertSame(['run' => $run, 'status' => 'running'], json_decode($sent->getDisplay(), true), $sent->getErrorOutput());

        self::assertSame('completed', $this->workUntilEnded($run, ['ossa'])->getStatus(), $this->log());
        self::assertStringContainsString('it is cheap', json_encode($this->step($run, 'sign')['output'], \JSON_THROW_ON_ERROR));
        self::assertSame(['value' => 5], $this->step($run, 'ship')['output']);
    }

    /** @param array<string, string> $more */
    private function order(string $order, string $run, array $more = []): ApplicationTester
    {
        return $this->console(['command' => 'ossa:run:'.$order, 'id' => $run] + $more);
    }
}
