<?php

declare(strict_types=1);

namespace Ossa\Tests\EndToEnd;

use Ossa\Tests\Application\DieAfterHandling;
use Ossa\Tests\Application\Handler\Cashier;
use Ossa\Tests\Application\ProcessTestCase;
use PHPUnit\Framework\Attributes\TestWith;

final class TransactionalStepTest extends ProcessTestCase
{
    #[TestWith(['ossa://default?queue=work'])]
    #[TestWith(['doctrine://default?queue_name=work&redeliver_timeout=2'])]
    public function testAWorkerThatDiesBetweenCommitAndReportHasBookedOnce(string $dsn): void
    {
        $this->boot(
            ['runtime' => ['transport' => 'work', 'lease_seconds' => 2]],
            [
                'buses' => ['messenger.bus.default' => ['middleware' => [DieAfterHandling::class]]],
                'transports' => ['work' => $dsn],
            ],
            [Cashier::class, DieAfterHandling::class],
        );
        $this->console(['command' => 'messenger:setup-transports']);
        $this->service(Cashier::class)->open();
        $this->manifest('book', <<<'YAML'
            apiVersion: ossa/v0.3.0
            kind: Task
            metadata: {name: book}
            spec: {execution: {type: transactional}, capabilities: [book]}
            YAML);
        $id = $this->runtime()->startTask('book', ['amount' => 7])->getId();
        $this->startWorkers(1, ['work']);

        $this->superviseUntil(fn (): bool => $this->runOf($id)->isTerminal());

        self::assertSame(['completed', ['booked' => 7, 'attempt' => 1]], [$this->runOf($id)->getStatus(), $this->runOf($id)->getOutput()]);
        self::assertSame([7], $this->service(Cashier::class)->bookings());
        self::assertSame([[$id, 'book'], ['', 'died']], array_map(static fn (array $effect): array => \array_slice($effect, 0, 2), $this->effects()->all()), 'the worker died, and the handler was called once');
    }
}
