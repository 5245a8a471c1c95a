<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle;

use Ossa\SymfonyRuntime\Stamp\OssaContextStamp;
use Ossa\Tests\Application\ApplicationTestCase;
use Ossa\Tests\Application\Garble;
use Ossa\Tests\Application\Handler\Ledger;
use Ossa\Tests\Application\RejectOnce;
use Ossa\Tests\Application\Swallow;
use Ossa\Tests\Application\Transaction;
use Ossa\Tests\Bundle\Fixture\Note;
use PHPUnit\Framework\Attributes\DataProvider;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Middleware\MiddlewareInterface;
use Symfony\Component\Messenger\Stamp\DelayStamp;
use Symfony\Component\Messenger\Transport\InMemory\InMemoryTransport;

/** What is recorded of an attempt is what became of everything the bus did with its message. */
final class StepResultTest extends ApplicationTestCase
{
    /** @return iterable<string, array{string}> */
    public static function transports(): iterable
    {
        yield 'ossa' => ['ossa://default?queue=work'];
        yield 'in-memory' => ['in-memory://'];
    }

    /** @return iterable<string, array{string, string}> */
    public static function faults(): iterable
    {
        foreach (self::transports() as $name => [$dsn]) {
            yield 'the transaction cannot be committed, '.$name => [$dsn, 'uncommittable'];
            yield 'the handler throws half way, '.$name => [$dsn, 'throws'];
        }
    }

    #[DataProvider('faults')]
    public function testAnAttemptWhoseTransactionIsNotCommittedIsRepeated(string $dsn, string $fault): void
    {
        $this->bootWith(Transaction::class, $dsn);
        $id = $this->start($fault, attempts: 2);

        $run = $this->workUntilEnded($id, ['work']);

        self::assertSame('completed', $run->getStatus(), $this->log());
        self::assertSame(2, $this->step($id, 'post')['attempts']);
        self::assertSame([2], $this->service(Ledger::class)->entries());
    }

    #[DataProvider('faults')]
    public function testAFailureThatTheManifestAllowsLeavesNothingBehind(string $dsn, string $fault): void
    {
        $this->bootWith(Transaction::class, $dsn);
        $id = $this->start($fault, attempts: 1, mayFail: true);

        $run = $this->workUntilEnded($id, ['work']);

        self::assertSame('completed', $run->getStatus(), $this->log());
        self::assertSame([], $this->service(Ledger::class)->entries());
    }

    #[DataProvider('faults')]
    public function testWhatWaitsForTheEndOfTheBusIsSentByTheAttemptThatCounts(string $dsn, string $fault): void
    {
        $this->bootWith(Transaction::class, $dsn);
        $id = $this->start($fault, attempts: 2);

        $this->workUntilEnded($id, ['work']);

        $notes = $this->transport('notes');
        self::assertInstanceOf(InMemoryTransport::class, $notes);
        self::assertSame([[$id, 2]], array_map(static fn (Envelope $sent): array => [$sent->last(OssaContextStamp::class)?->runId, $sent->last(OssaContextStamp::class)?->attempt], $notes->getSent()));
    }

    #[DataProvider('transports')]
    public function testOutputThatTheEngineDoesNotTakeFailsTheStep(string $dsn): void
    {
        $this->bootWith(Garble::class, $dsn);
        $id = $this->start('none', attempts: 3);

        $run = $this->workUntilEnded($id, ['work']);

        self::assertSame('failed', $run->getStatus());
        self::assertSame('INVALID_HANDLER_OUTPUT', $this->step($id, 'post')['error']['code'] ?? null);
        self::assertSame(1, $this->step($id, 'post')['attempts']);
    }

    #[DataProvider('transports')]
    public function testAStepThatAMiddlewareKeepsFromItsHandlerFailsWithinItsPolicy(string $dsn): void
    {
        $this->bootWith(Swallow::class, $dsn);
        $id = $this->start('none', attempts: 2);

        $run = $this->workUntilEnded($id, ['work']);

        self::assertSame('failed', $run->getStatus());
        self::assertSame(2, $this->step($id, 'post')['attempts']);
        self::assertStringContainsString('middleware', $run->getError()['message'] ?? '');
    }

    public function testAMessageThatMessengerTurnsDownCanBeClaimedWhenItComesAgain(): void
    {
        $this->bootWith(RejectOnce::class, 'in-memory://');
        $id = $this->start('none', attempts: 1);

        $run = $this->workUntilEnded($id, ['work']);

        self::assertSame('completed', $run->getStatus(), $this->log());
        self::assertSame(1, $this->step($id, 'post')['attempts']);
        $work = $this->transport('work');
        self::assertInstanceOf(InMemoryTransport::class, $work);
        self::assertNotNull($work->getSent()[1]->last(DelayStamp::class), 'the second message is the retry, not one that the engine sent when a lease was over');
    }

    /** @param class-string<MiddlewareInterface> $middleware */
    private function bootWith(string $middleware, string $dsn): void
    {
        $this->boot(
            ['runtime' => ['transport' => 'work']],
            [
                'failure_transport' => 'failed',
                'buses' => ['messenger.bus.default' => ['middleware' => [$middleware]]],
                'transports' => [
                    'work' => ['dsn' => $dsn, 'retry_strategy' => ['delay' => 10]],
                    'notes' => 'in-memory://',
                    'failed' => 'in-memory://',
                ],
                'routing' => [Note::class => 'notes'],
            ],
            [Ledger::class, $middleware],
        );
        $this->service(Ledger::class)->open();
    }

    private function start(string $first, int $attempts, bool $mayFail = false): string
    {
        $continue = $mayFail ? 'true' : 'false';
        $this->manifest('posting', <<<YAML
            apiVersion: ossa/v0.3.0
            kind: Task
            metadata: {name: post}
            spec: {execution: {type: idempotent}, capabilities: [post]}
            ---
            apiVersion: ossa/v0.3.0
            kind: Workflow
            metadata: {name: posting}
            spec:
              steps:
                - {id: post, kind: Task, ref: post, input: {first: $first}, retry: {max_attempts: $attempts, backoff_strategy: fixed, initial_delay_ms: 20}, continue_on_error: $continue}
            YAML);

        return $this->runtime()->startWorkflow('posting')->getId();
    }
}
