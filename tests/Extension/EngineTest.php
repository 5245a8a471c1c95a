<?php

declare(strict_types=1);

namespace Ossa\Tests\Extension;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ArgumentException;
use Ossa\Runtime\Exception\EngineException;
use Ossa\Runtime\Exception\InputException;
use Ossa\Runtime\Exception\ManifestException;
use Ossa\Runtime\Exception\StoreException;
use Ossa\Runtime\Exception\TokenException;
use Ossa\Runtime\RunSummary;
use Ossa\Tests\Extension\Support\Workbench;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\Attributes\TestDox;
use PHPUnit\Framework\TestCase;

/** A run from its start to its end, as a host drives it. */
final class EngineTest extends TestCase
{
    use Workbench;

    #[TestDox('Opening an engine neither reads nor writes anything')]
    public function testOpeningAnEngineDoesNothing(): void
    {
        $this->engine(['manifest_roots' => [$this->folder().'/no-such-folder']]);

        self::assertSame([], glob($this->folder().'/*'));
    }

    #[TestDox('A task runs from start to completion')]
    public function testATaskRunsFromStartToCompletion(): void
    {
        $engine = $this->engine();
        $started = $engine->start('greet', ['name' => 'Ada'], ['correlation_id' => 'order-7', 'traceparent' => '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01']);
        self::assertTrue($started->isNew());

        $claim = self::next($engine);
        self::assertSame(
            [$started->getId(), 'greet', 1, 3, ['name' => 'Ada', 'excited' => false], 'idempotent', 'order-7', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
            [$claim->getRunId(), $claim->getWorkflow(), $claim->getAttempt(), $claim->getMaxAttempts(), $claim->getInput(), $claim->getExecution(), $claim->getCorrelationId(), $claim->getTraceparent()],
        );
        self::assertContains(['kind' => 'capability', 'key' => 'greet'], array_merge(...$claim->getCalls()));
        self::assertSame('App\Greeter', $claim->getBindings()[0]['service']);
        self::assertNotSame('', $claim->getEffectKey());
        self::assertGreaterThan(0, $claim->getTimeoutMs());
        self::assertGreaterThan(1000 * time(), $claim->getDeadlineMs());

        $report = $engine->complete($claim->getToken(), ['text' => 'Hello Ada']);
        self::assertSame(['recorded', 'handled', null, 'completed'], [$report->getStatus(), $report->getNext(), $report->getRetryDelayMs(), $report->getRunStatus()]);
        self::assertSame(['text' => 'Hello Ada'], $engine->run($started->getId())?->getOutput());
        self::assertSame([], $engine->relay());
    }

    #[TestDox('The output of a step is the input of the next')]
    public function testTheOutputOfAStepIsTheInputOfTheNext(): void
    {
        $engine = $this->engine(['env' => ['TEAM' => 'blue']]);
        $run = $engine->start('welcome', ['name' => 'Ada'])->getId();

        $engine->complete(self::next($engine)->getToken(), ['text' => 'dear Ada']);
        $claim = self::next($engine);

        self::assertSame(['second', ['name' => 'dear Ada', 'excited' => false]], [$claim->getStep(), $claim->getInput()]);
        $engine->complete($claim->getToken(), ['text' => 'again']);
        self::assertSame('completed', $engine->run($run)?->getStatus());
        self::assertSame(['team' => 'blue'], $engine->run($run)?->getVariables());
    }

    #[TestDox('A failed attempt is followed by another one after the delay of the policy')]
    public function testAFailedAttemptIsFollowedByAnotherOne(): void
    {
        $engine = $this->engine();
        $run = $engine->start('greet', ['name' => 'Ada'])->getId();
        $claim = self::next($engine);

        $report = $engine->fail($claim->getToken(), ['code' => 'SMTP_DOWN', 'message' => 'no answer', 'class' => \RuntimeException::class, 'details' => ['host' => 'mail']]);
        self::assertSame(['recorded', 'retry', 'running'], [$report->getStatus(), $report->getNext(), $report->getRunStatus()]);
        self::assertLessThanOrEqual(60, $report->getRetryDelayMs());

        $step = $engine->run($run)?->getSteps()[0] ?? [];
        self::assertSame('retrying', $step['status'] ?? null);
        self::assertSame('SMTP_DOWN', $step['error']['code'] ?? null);
        usleep(1000 * ((int) $report->getRetryDelayMs() + 20));
        self::assertSame(2, self::next($engine)->getAttempt());
    }

    #[TestDox('A retry that the host brings too early is not handed out, and the engine says when it is due')]
    public function testARetryThatTheHostBringsTooEarlyIsNotHandedOut(): void
    {
        $engine = $this->engine(['retry_owner' => 'host']);
        $engine->start('greet', ['name' => 'Ada']);
        $token = self::next($engine)->getToken();
        $report = $engine->fail($token, ['code' => 'BUSY', 'message' => 'later', 'retryable' => true, 'retry_after_ms' => 60_000]);
        self::assertSame('retry', $report->getNext());

        self::assertNull($engine->claim($token));
        $step = $engine->describe($token);
        self::assertSame('retrying', $step['step_status']);
        self::assertEqualsWithDelta(1000 * microtime(true) + 60_000, $step['retry_due'], 30_000);
    }

    #[TestDox('The last attempt fails the run, and an operator can have the step tried again')]
    public function testTheLastAttemptFailsTheRunAndAnOperatorCanRetry(): void
    {
        $engine = $this->engine();
        $run = $engine->start('greet', ['name' => 'Ada'])->getId();
        $report = $engine->fail(self::next($engine)->getToken(), ['code' => 'BAD', 'message' => 'never', 'retryable' => false]);
        self::assertSame(['final', 'failed'], [$report->getNext(), $report->getRunStatus()]);
        self::assertSame('BAD', $engine->run($run)?->getError()['code'] ?? null);

        $token = $engine->retryStep($run, 'greet');
        $claim = $engine->claim($token);
        self::assertSame(2, $claim?->getAttempt());
        self::assertSame('completed', $engine->complete($token, ['text' => 'at last'])->getRunStatus());
    }

    #[TestDox('The first result counts, a repeated one is a duplicate')]
    public function testTheFirstResultCounts(): void
    {
        $engine = $this->engine();
        $run = $engine->start('greet', ['name' => 'Ada'])->getId();
        $token = self::next($engine)->getToken();
        $engine->complete($token, ['text' => 'first']);

        $again = $engine->complete($token, ['text' => 'second']);
        self::assertSame(['duplicate', 'handled', 'completed'], [$again->getStatus(), $again->getNext(), $again->getRunStatus()]);
        self::assertNull($engine->claim($token));
        self::assertSame(['text' => 'first'], $engine->run($run)?->getOutput());
    }

    #[TestDox('An attempt has one worker at a time; it can be given back and looked at')]
    public function testAnAttemptHasOneWorkerAtATime(): void
    {
        $engine = $this->engine();
        $run = $engine->start('greet', ['name' => 'Ada'])->getId();
        $token = self::next($engine)->getToken();
        $other = $this->engine();

        self::assertTrue($engine->heartbeat($token));
        self::assertNull($other->claim($token));
        self::assertFalse($other->heartbeat($token));
        $engine->giveBack($token);
        self::assertSame(1, $other->claim($token)?->getAttempt());
        self::assertSame(
            ['run' => $run, 'workflow' => 'greet', 'step' => 'greet', 'attempt' => 1, 'step_status' => 'running', 'retry_due' => null, 'run_status' => 'running'],
            $engine->describe($token),
        );
    }

    #[TestDox('Starting again with the same key gives the same run')]
    public function testStartingAgainWithTheSameKeyGivesTheSameRun(): void
    {
        $engine = $this->engine();
        $first = $engine->start('greet', ['name' => 'Ada'], ['idempotency_key' => 'order-7']);
        $second = $engine->start('greet', ['name' => 'Ada'], ['idempotency_key' => 'order-7']);

        self::assertSame([$first->getId(), false], [$second->getId(), $second->isNew()]);
        self::assertCount(1, $engine->runs());
    }

    #[TestDox('A canceled run hands out nothing more')]
    public function testACanceledRunHandsOutNothingMore(): void
    {
        $engine = $this->engine();
        $run = $engine->start('greet', ['name' => 'Ada'])->getId();
        $engine->cancel($run, 'not needed');

        self::assertTrue($engine->run($run)?->isTerminal());
        self::assertSame('canceled', $engine->run($run)?->getStatus());
        self::assertSame([], $engine->relay());
        $engine->cancel($run);
    }

    #[TestDox('Runs are listed newest first, by status, workflow and correlation, in pages')]
    public function testRunsAreListed(): void
    {
        $engine = $this->engine();
        $ids = [];
        foreach (['a', 'b', 'c'] as $case) {
            $ids[$case] = $engine->start('greet', ['name' => $case], ['correlation_id' => $case])->getId();
        }
        $engine->cancel($ids['b']);

        self::assertSame([$ids['c'], $ids['b'], $ids['a']], self::ids($engine->runs()));
        self::assertSame([$ids['b']], self::ids($engine->runs(['status' => 'cancelled'])));
        self::assertSame([$ids['c'], $ids['a']], self::ids($engine->runs(['status' => ['running', 'pending'], 'workflow' => 'greet'])));
        self::assertSame([$ids['a']], self::ids($engine->runs(['correlation_id' => 'a'])));
        self::assertSame([$ids['b']], self::ids($engine->runs(['limit' => 1, 'after' => $ids['c']])));
        self::assertSame([], $engine->runs(['workflow' => 'unknown']));
    }

    #[TestDox('A summary says what a list shows of a run')]
    public function testASummarySaysWhatAListShows(): void
    {
        $engine = $this->engine();
        $engine->start('greet', ['name' => 'Ada'], ['correlation_id' => 'order-7']);
        $engine->fail(self::next($engine)->getToken(), ['code' => 'BAD', 'message' => 'never', 'retryable' => false]);

        [$run] = $engine->runs();
        self::assertSame(['greet', 'failed', 'order-7', null], [$run->getWorkflow(), $run->getStatus(), $run->getCorrelationId(), $run->getCurrentStep()]);
        self::assertStringContainsString('BAD', (string) $run->getError());
        self::assertSame('+00:00', $run->getCreatedAt()->getTimezone()->getName());
        self::assertEqualsWithDelta(microtime(true), (float) $run->getCreatedAt()->format('U.u'), 60.0);
        self::assertGreaterThanOrEqual($run->getCreatedAt(), $run->getEndedAt());
        self::assertEquals($run->getEndedAt(), $run->getUpdatedAt());
    }

    #[TestDox('A run tells its steps and everything that happened')]
    public function testARunTellsItsStepsAndEverythingThatHappened(): void
    {
        $engine = $this->engine();
        $id = $engine->start('welcome', ['name' => 'Ada'])->getId();
        $engine->complete(self::next($engine)->getToken(), ['text' => 'hi']);
        $run = $engine->run($id);
        self::assertNotNull($run);

        self::assertSame([$id, 'welcome', 'running', false, 50, ['name' => 'Ada'], null, null], [$run->getId(), $run->getWorkflow(), $run->getStatus(), $run->isTerminal(), $run->getProgress(), $run->getInput(), $run->getOutput(), $run->getError()]);
        self::assertSame([['first', 'Say hello', 'completed'], ['second', null, 'running']], array_map(static fn (array $step): array => [$step['id'], $step['name'], $step['status']], $run->getSteps()));
        self::assertSame(['text' => 'hi'], $run->getSteps()[0]['output']);
        self::assertIsInt($run->getSteps()[0]['finished_at']);
        $types = array_column($run->getEvents(), 'type');
        self::assertSame('run_created', $types[0]);
        self::assertContains('step_completed', $types);
        self::assertSame(1, $run->getEvents()[0]['version']);
        self::assertEquals($run->getCreatedAt()->format('Uv'), $run->getEvents()[0]['at']);
        self::assertNull($run->getEndedAt());
    }

    #[TestDox('What is relayed and confirmed does not come again, what is not confirmed is kept')]
    public function testWhatIsRelayedAndConfirmedDoesNotComeAgain(): void
    {
        $engine = $this->engine();
        $run = $engine->start('greet', ['name' => 'Ada'], ['priority' => 'P1', 'correlation_id' => 'order-7'])->getId();

        $dispatches = $engine->relay();
        self::assertCount(1, $dispatches);
        [$dispatch] = $dispatches;
        self::assertSame(
            [$run, 'greet', 'greet', 1, 'high', 0, 'order-7', null],
            [$dispatch->getRunId(), $dispatch->getWorkflow(), $dispatch->getStep(), $dispatch->getAttempt(), $dispatch->getPriority(), $dispatch->getDelayMs(), $dispatch->getCorrelationId(), $dispatch->getTraceparent()],
        );
        $engine->relayed($dispatches);
        self::assertSame([], $engine->relay());
        self::assertNotNull($engine->claim($dispatch->getToken()));
    }

    #[TestDox('What the other transport did not take comes again at once')]
    public function testWhatTheOtherTransportDidNotTakeComesAgainAtOnce(): void
    {
        $engine = $this->engine();
        $engine->start('greet', ['name' => 'Ada']);

        [$dispatch] = $engine->relay();
        self::assertSame([], $engine->relay());
        $engine->notRelayed([$dispatch]);

        self::assertSame($dispatch->getToken(), $engine->relay()[0]->getToken());
    }

    #[TestDox('A step item arrives over the transport as a step, claimed for this worker')]
    public function testAStepItemArrivesOverTheTransportAsAStep(): void
    {
        $engine = $this->engine();
        $run = $engine->start('greet', ['name' => 'Ada'], ['correlation_id' => 'order-7'])->getId();
        $transport = $engine->transport();
        $step = ['run' => $run, 'workflow' => 'greet', 'step' => 'greet', 'attempt' => 1, 'correlation_id' => 'order-7', 'traceparent' => null];

        [$listed] = $transport->all();
        [$delivery] = $transport->receive();
        self::assertSame([$step, $step], [$listed->getStep(), $delivery->getStep()]);
        self::assertSame($listed->getToken(), $delivery->getToken());
        $token = (string) $delivery->getToken();
        self::assertSame(1, $engine->claim($token)?->getAttempt());
        $engine->complete($token, ['text' => 'hi']);
        $transport->ack($delivery->getId());
        self::assertSame('completed', $engine->run($run)?->getStatus());
        self::assertSame(0, array_sum($transport->counts()));
    }

    #[TestDox('An empty array as output is an object without members')]
    public function testAnEmptyArrayAsOutputIsAnObjectWithoutMembers(): void
    {
        $engine = $this->engine();
        $id = $engine->start('greet', ['name' => 'Ada'])->getId();

        self::assertSame('completed', $engine->complete(self::next($engine)->getToken(), [])->getRunStatus());
        self::assertSame([], $engine->run($id)?->getOutput());
    }

    #[TestDox('Manifests below the roots are listed with what is wrong with them')]
    public function testManifestsBelowTheRootsAreListed(): void
    {
        $valid = [];
        foreach ($this->engine()->manifests() as $manifest) {
            $valid[(string) $manifest->getName()] = $manifest->isValid();
        }
        ksort($valid);

        self::assertSame(['broken' => false, 'greet' => true, 'welcome' => true], $valid);
    }

    #[TestDox('A closed engine opens again with the next call')]
    public function testAClosedEngineOpensAgain(): void
    {
        $engine = $this->engine();
        $id = $engine->start('greet', ['name' => 'Ada'])->getId();
        $token = self::next($engine)->getToken();
        $engine->close();
        $engine->close();

        self::assertSame('completed', $engine->complete($token, ['text' => 'hi'])->getRunStatus());
        self::assertNotNull($engine->run($id));
    }

    #[TestDox('A policy for steps that name none can be set')]
    public function testAPolicyForStepsThatNameNoneCanBeSet(): void
    {
        file_put_contents($this->folder().'/plain.yaml', "apiVersion: ossa/v0.3.0\nkind: Task\nmetadata: {name: plain}\nspec:\n  execution: {type: idempotent, entrypoint: plain}\n");
        $engine = $this->engine([
            'manifest_roots' => [$this->folder()],
            'default_retry' => ['max_attempts' => 7, 'backoff' => 'linear', 'initial_delay_ms' => 10, 'max_delay_ms' => 100, 'multiplier' => 2, 'jitter' => 0.5],
        ]);
        $engine->start('plain');

        self::assertSame(7, self::next($engine)->getMaxAttempts());
    }

    #[TestDox('Ticking says when to tick again')]
    public function testTickingSaysWhenToTickAgain(): void
    {
        $next = $this->engine()->tick();

        self::assertGreaterThanOrEqual(0, $next);
        self::assertLessThanOrEqual(1000, $next);
    }

    #[TestDox('Input that breaks the schema is refused with each violation')]
    public function testInputThatBreaksTheSchemaIsRefused(): void
    {
        try {
            $this->engine()->start('greet', ['name' => '', 'excited' => 'yes']);
            self::fail('the input is wrong');
        } catch (InputException $exception) {
            self::assertCount(2, $exception->getViolations());
            self::assertStringContainsString('name', implode("\n", $exception->getViolations()));
            self::assertFalse($exception->isRetryable());
        }
    }

    #[TestDox('A manifest that cannot be run is refused with the finding and its place')]
    public function testAManifestThatCannotBeRunIsRefused(): void
    {
        $message = '';
        foreach (['no-such-task', 'broken', '../../../etc/passwd'] as $reference) {
            try {
                $this->engine()->start($reference);
                self::fail($reference.' cannot be run');
            } catch (ManifestException $exception) {
                self::assertStringStartsWith('OSSA-', $exception->getErrorCode());
                $message .= $exception->getMessage().implode("\n", array_map(static fn ($finding): string => $finding->render(), $exception->getDiagnostics()));
            }
        }

        self::assertStringContainsString('no-such-task', $message);
        self::assertStringContainsString('missing', $message);
    }

    #[TestDox('A token that is none, or of another store, is refused')]
    public function testATokenThatIsNoneIsRefused(): void
    {
        $engine = $this->engine();
        $engine->start('greet', ['name' => 'Ada']);
        $token = self::next($engine)->getToken();
        foreach ([['nonsense', $engine], [$token, Engine::open('memory:')]] as [$wrong, $asked]) {
            try {
                $asked->complete($wrong, null);
                self::fail('the token is wrong');
            } catch (TokenException $exception) {
                self::assertStringStartsWith('OSSA-N00', $exception->getErrorCode());
                self::assertNotNull($exception->getHelp());
            }
        }
    }

    #[TestDox('A run or step that is not there is named in the exception')]
    public function testARunOrStepThatIsNotThereIsNamed(): void
    {
        $engine = $this->engine();
        $id = $engine->start('greet', ['name' => 'Ada'])->getId();
        $unknown = '01930000-0000-7000-8000-000000000000';
        self::assertNull($engine->run($unknown));
        self::assertNull($engine->run('not even an id'));

        foreach ([[$unknown, 'greet', $unknown, null], [$id, 'nowhere', $id, 'nowhere'], [$id, 'greet', $id, 'greet'], ["\xff", 'greet', null, null]] as [$run, $step, $named, $namedStep]) {
            try {
                $engine->retryStep($run, $step);
                self::fail('there is nothing to retry');
            } catch (EngineException $exception) {
                self::assertSame([$named, $namedStep], [$exception->getRunId(), $exception->getStep()]);
            }
        }
    }

    #[TestDox('A DSN that is wrong is refused without being shown')]
    public function testADsnThatIsWrongIsRefusedWithoutBeingShown(): void
    {
        foreach (['mysql://root:hunter2@db/app', 'sqlite:///tmp/x.db?pragma=hunter2', 'hunter2'] as $dsn) {
            try {
                Engine::open($dsn)->runs();
                self::fail('the DSN is wrong');
            } catch (StoreException $exception) {
                self::assertSame('OSSA-S001', $exception->getErrorCode());
                self::assertStringNotContainsString('hunter2', (string) $exception);
                self::assertStringNotContainsString('hunter2', print_r($exception->getTrace(), true));
            }
        }
    }

    #[TestDox('A store that cannot be used is an exception of the store')]
    public function testAStoreThatCannotBeUsedIsAnExceptionOfTheStore(): void
    {
        file_put_contents($this->folder().'/store.db', str_repeat('this is no database', 1000));

        $this->expectException(StoreException::class);
        $this->engine()->runs();
    }

    /** @param \Closure(Engine): mixed $call */
    #[DataProvider('wrongArguments')]
    #[TestDox('A wrong argument is refused: $_dataName')]
    public function testAWrongArgumentIsRefused(string $message, \Closure $call): void
    {
        $this->expectException(ArgumentException::class);
        $this->expectExceptionMessage($message);

        $call($this->engine());
    }

    /** @return iterable<string, array{string, \Closure(Engine): mixed}> */
    public static function wrongArguments(): iterable
    {
        $open = static fn (array $options): \Closure => static fn (): Engine => Engine::open('memory:', $options);
        yield 'an unknown option' => ['"roots" is not known in options of Engine::open()', $open(['roots' => []])];
        yield 'an unknown retry owner' => ['"retry_owner" in options of Engine::open() must be one of engine, host, not "me"', $open(['retry_owner' => 'me'])];
        yield 'a lease of nothing' => ['"lease_seconds" in options of Engine::open() must be an integer from 1 to 86400', $open(['lease_seconds' => 0])];
        yield 'a policy that never tries' => ['"max_attempts" in default_retry must be an integer from 1 to', $open(['default_retry' => ['max_attempts' => 0]])];
        yield 'an unknown part of a policy' => ['"jitters" is not known in default_retry', $open(['default_retry' => ['jitters' => 1]])];
        yield 'a jitter beyond 1' => ['"jitter" in default_retry must be a number from 0 to 1', $open(['default_retry' => ['jitter' => 1.5]])];
        yield 'an environment of other things than text' => ['"env" in options of Engine::open() must map names to strings, but "N" is none', $open(['env' => ['N' => 1]])];
        yield 'roots that are no list' => ['"manifest_roots" in options of Engine::open() must be a list of strings', $open(['manifest_roots' => [1]])];
        yield 'a queue that is none' => ['is not the name of a queue', $open(['queue' => 'a b'])];
        yield 'input that is not UTF-8' => ['$input[name] is a string that is not UTF-8', static fn (Engine $engine): mixed => $engine->start('greet', ['name' => "\xff"])];
        yield 'an unknown kind' => ['"kind" in options of Engine::start() must be one of Task, Workflow', static fn (Engine $engine): mixed => $engine->start('greet', [], ['kind' => 'Agent'])]; // @phpstan-ignore argument.type
        yield 'an unknown priority' => ['"soon" is no priority', static fn (Engine $engine): mixed => $engine->start('greet', [], ['priority' => 'soon'])];
        yield 'an error without a code' => ['"code" in $error of Engine::fail() is missing', static fn (Engine $engine): mixed => $engine->fail('x', ['message' => 'm'])]; // @phpstan-ignore argument.type
        yield 'a status that is none' => ['has "done", which is no status', static fn (Engine $engine): mixed => $engine->runs(['status' => 'done'])];
        yield 'a page of nothing' => ['"limit" in $filter of Engine::runs() must be an integer from 1', static fn (Engine $engine): mixed => $engine->runs(['limit' => 0])];
        yield 'a relay of nothing' => ['$max must be at least 1, not 0', static fn (Engine $engine): mixed => $engine->relay(0)];
        yield 'a confirmation of other things' => ['$dispatches must be a list of Ossa\Runtime\StepDispatch', static fn (Engine $engine) => $engine->relayed([$engine])]; // @phpstan-ignore argument.type
    }

    #[TestDox('A value of the wrong type is a TypeError, as for PHP code')]
    public function testAValueOfTheWrongTypeIsATypeError(): void
    {
        $this->expectException(\TypeError::class);

        $this->engine()->start(5); // @phpstan-ignore argument.type
    }

    /**
     * @param list<RunSummary> $runs
     *
     * @return list<string>
     */
    private static function ids(array $runs): array
    {
        return array_map(static fn (RunSummary $run): string => $run->getId(), $runs);
    }
}
