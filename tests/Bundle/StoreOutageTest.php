<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle;

use Ossa\Tests\Application\ApplicationTestCase;
use Ossa\Tests\Application\Handler\Saboteur;
use Ossa\Tests\Application\Handler\Workshop;
use Ossa\Tests\Application\LockBeforeSending;
use Ossa\Tests\Application\StoreLock;
use PHPUnit\Framework\Attributes\DataProvider;

/** The store of runs is locked by another process at the worst moment. */
final class StoreOutageTest extends ApplicationTestCase
{
    /** @return iterable<string, array{string}> */
    public static function transports(): iterable
    {
        yield 'ossa' => ['ossa://default?queue=work'];
        yield 'in-memory' => ['in-memory://'];
    }

    #[DataProvider('transports')]
    public function testAResultIsRecordedWhenTheStoreIsBackSoon(string $dsn): void
    {
        $this->bootOn($dsn);
        $id = $this->start(seconds: 0.4);

        $run = $this->workUntilEnded($id, ['work']);

        self::assertSame('completed', $run->getStatus(), $this->log());
        self::assertSame(['1'], array_column($this->effects()->all(), 2), 'one attempt, run once');
    }

    public function testAResultThatCannotBeRecordedCountsAsAFailedAttempt(): void
    {
        $this->bootOn('ossa://default?queue=work');
        $id = $this->start(seconds: 20, until: 'cannot be recorded');

        $run = $this->workUntilEnded($id, ['work']);

        self::assertSame('completed', $run->getStatus(), $this->log());
        self::assertSame(['1', '2'], array_column($this->effects()->all(), 2), 'each attempt was run once');
    }

    public function testAResultThatCannotBeRecordedIsWorkedOutAgainWhenMessengerKeepsTheTimer(): void
    {
        // The lease of an attempt that could not be given back either is soon over.
        $this->bootOn('in-memory://', lease: 1);
        $id = $this->start(seconds: 20, until: 'Error thrown while handling message');

        $run = $this->workUntilEnded($id, ['work']);

        self::assertSame('completed', $run->getStatus(), $this->log());
        self::assertSame(['1', '1'], array_column($this->effects()->all(), 2), 'the same attempt, run twice');
    }

    public function testARunIsStartedAlthoughTheSendingOfItsFirstStepCannotBeConfirmed(): void
    {
        $this->bootOn('in-memory://', [LockBeforeSending::class]);

        $id = $this->runtime()->startTask('echo', ['value' => 1])->getId();
        $run = $this->workUntilEnded($id, ['work']);

        self::assertStringContainsString('could not be sent', $this->log());
        self::assertSame('completed', $run->getStatus());
        self::assertCount(1, $this->effects()->all());
    }

    /** @param list<class-string> $middleware */
    private function bootOn(string $dsn, array $middleware = [], int $lease = 30): void
    {
        $this->boot(
            ['runtime' => ['transport' => 'work', 'state_backend' => 'sqlite:///%env(OSSA_TEST_FOLDER)%/ossa.db?busy_timeout=500ms', 'lease_seconds' => $lease]],
            [
                'failure_transport' => 'failed',
                'transports' => ['work' => ['dsn' => $dsn, 'retry_strategy' => ['delay' => 10]], 'failed' => 'in-memory://'],
            ] + ([] === $middleware ? [] : ['buses' => ['messenger.bus.default' => ['middleware' => $middleware]]]),
            [Workshop::class, Saboteur::class, ...$middleware],
            [StoreLock::class => ['class' => StoreLock::class, 'arguments' => ['$folder' => '%env(OSSA_TEST_FOLDER)%']]],
        );
    }

    private function start(float $seconds, string $until = ''): string
    {
        $this->manifest('outage', <<<'YAML'
            apiVersion: ossa/v0.3.0
            kind: Task
            metadata: {name: lock-store}
            spec: {execution: {type: idempotent}, capabilities: [lock_store]}
            ---
            apiVersion: ossa/v0.3.0
            kind: Workflow
            metadata: {name: outage}
            spec:
              steps:
                - id: lock
                  kind: Task
                  ref: lock-store
                  input: {seconds: "${{ workflow.input.seconds }}", until: "${{ workflow.input.until }}"}
                  retry: {max_attempts: 3, backoff_strategy: fixed, initial_delay_ms: 20}
            YAML);

        return $this->runtime()->startWorkflow('outage', ['seconds' => $seconds, 'until' => $until])->getId();
    }
}
