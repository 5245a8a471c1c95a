<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle;

use Ossa\Tests\Application\ApplicationTestCase;
use Ossa\Tests\Application\Handler\Cashier;

/** The data of a transactional task and the record of its output are committed together, or neither is. */
final class TransactionalStepTest extends ApplicationTestCase
{
    public function testWhatTheHandlerWroteIsCommittedWithItsOutput(): void
    {
        $this->bootWithCashier();

        $id = $this->book(['amount' => 5]);

        self::assertSame('completed', $this->runOf($id)->getStatus(), $this->log());
        self::assertSame(['booked' => 5, 'attempt' => 1], $this->runOf($id)->getOutput());
        self::assertSame([5], $this->service(Cashier::class)->bookings());
        self::assertSame(1, $this->service(Cashier::class)->records());
    }

    public function testAnAttemptThatFailsLeavesNothing(): void
    {
        $this->bootWithCashier();

        $id = $this->book(['amount' => 5, 'fault' => 'half way']);

        self::assertSame(['booked' => 5, 'attempt' => 2], $this->runOf($id)->getOutput());
        self::assertSame([5], $this->service(Cashier::class)->bookings());
    }

    public function testOutputThatBreaksAPostconditionIsUndone(): void
    {
        $this->bootWithCashier();

        $id = $this->book(['amount' => -5]);

        self::assertSame('failed', $this->runOf($id)->getStatus());
        self::assertSame('POSTCONDITION_FAILED', $this->runOf($id)->getError()['code'] ?? null);
        self::assertSame([], $this->service(Cashier::class)->bookings());
        self::assertSame(0, $this->service(Cashier::class)->records());
    }

    public function testTheRecordGoesWhenItsRunIsPruned(): void
    {
        $this->bootWithCashier();
        $prune = ['command' => 'ossa:run:prune', '--keep' => '1'];
        self::assertSame(0, $this->console($prune)->getStatusCode(), 'there is no table yet');
        $this->book(['amount' => 5]);
        $this->book(['amount' => 7]);

        $pruned = $this->console($prune);

        self::assertSame(0, $pruned->getStatusCode(), $pruned->getErrorOutput());
        self::assertSame(1, $this->service(Cashier::class)->records());
    }

    public function testATableOfAnotherNameIsUsed(): void
    {
        $this->bootWithCashier(['table' => 'outputs']);

        $id = $this->book(['amount' => 5]);

        self::assertSame('completed', $this->runOf($id)->getStatus(), $this->log());
        self::assertSame([5], $this->service(Cashier::class)->bookings());
    }

    public function testAMissingTableThatMayNotBeCreatedFailsTheStepAndNamesTheTable(): void
    {
        $this->bootWithCashier(['auto_setup' => false]);

        $id = $this->book(['amount' => 5]);

        self::assertSame('failed', $this->runOf($id)->getStatus());
        self::assertStringContainsString('ossa_inbox', $this->runOf($id)->getError()['message'] ?? '');
        self::assertSame([], $this->service(Cashier::class)->bookings());
    }

    public function testWhereRunsAreInTheSameDatabaseTheRunIsCommittedWithTheData(): void
    {
        $this->bootWithCashier(runtime: ['state_backend' => 'doctrine://default']);

        $id = $this->book(['amount' => 5, 'fault' => 'half way']);

        self::assertSame(['booked' => 5, 'attempt' => 2], $this->runOf($id)->getOutput(), $this->log());
        self::assertSame([5], $this->service(Cashier::class)->bookings());
        self::assertFalse($this->service(Cashier::class)->hasRecords(), 'the run itself is the record');
    }

    public function testWhereRunsAreInTheSameDatabaseRefusedOutputIsUndone(): void
    {
        $this->bootWithCashier(runtime: ['state_backend' => 'doctrine://default']);

        $id = $this->book(['amount' => -5]);

        self::assertSame('POSTCONDITION_FAILED', $this->runOf($id)->getError()['code'] ?? null);
        self::assertSame([], $this->service(Cashier::class)->bookings());
    }

    /**
     * @param array<string, mixed> $transactions
     * @param array<string, mixed> $runtime
     */
    private function bootWithCashier(array $transactions = [], array $runtime = []): void
    {
        $this->boot(
            ['runtime' => $runtime + ['transport' => 'work', 'retry' => ['max_attempts' => 2, 'initial_delay_ms' => 10]], 'transactions' => $transactions],
            ['transports' => ['work' => 'ossa://default?queue=work']],
            [Cashier::class],
        );
        $this->service(Cashier::class)->open();
        $this->manifest('book', <<<'YAML'
            apiVersion: ossa/v0.3.0
            kind: Task
            metadata: {name: book}
            spec:
              execution: {type: transactional}
              capabilities: [book]
              postconditions:
                - {expression: 'output.booked > 0', error_message: nothing was booked}
            YAML);
    }

    /** @param array<string, mixed> $input */
    private function book(array $input): string
    {
        $id = $this->runtime()->startTask('book', $input)->getId();
        $this->workUntilEnded($id, ['work']);

        return $id;
    }
}
