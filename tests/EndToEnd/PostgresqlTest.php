<?php

declare(strict_types=1);

namespace Ossa\Tests\EndToEnd;

use Ossa\Tests\Application\Handler\Workshop;
use Ossa\Tests\Application\ProcessTestCase;
use Ossa\Tests\Support\TestServer;

/** Real `messenger:consume` processes that share a store on a PostgreSQL server. */
final class PostgresqlTest extends ProcessTestCase
{
    public function testTwoWorkersCarryOutAWorkflow(): void
    {
        $this->bootOn($this->server('postgresql'));
        $this->startWorkers(2, ['work']);

        $dispatched = $this->runConsole(['ossa:dispatch', 'workflow', 'onboarding', '--input={"email": "ada@example.org"}', '--wait', '--timeout=60', '--format=json']);

        $run = json_decode($dispatched->getOutput(), true, flags: \JSON_THROW_ON_ERROR);
        self::assertIsArray($run);
        self::assertSame(['completed', ['user' => 'user-ada@example.org']], [$run['status'], $run['output']]);
        self::assertCount(6, $this->effects()->all());
        self::assertStringContainsString('step_retry_scheduled', $this->runConsole(['ossa:run:show', $run['id']])->getOutput());
    }

    public function testWorkersGoOnAfterTheServerWasKilled(): void
    {
        $server = $this->server('postgresql');
        $this->bootOn($server);
        $this->startWorkers(2, ['work']);
        $start = fn (int $value): string => $this->runtime()->startWorkflow('three-steps', ['value' => $value])->getId();
        $runs = array_map($start, range(1, 5));
        $server->kill();
        $server->restart();
        $runs = [...$runs, ...array_map($start, range(6, 10))];

        $this->superviseUntil(fn (): bool => [] === array_filter($runs, fn (string $id): bool => !$this->runOf($id)->isTerminal()), 60);

        self::assertSame(['completed'], array_values(array_unique(array_map(fn (string $id): string => $this->runOf($id)->getStatus(), $runs))));
    }

    private function bootOn(TestServer $server): void
    {
        $this->boot(
            ['runtime' => ['transport' => 'work', 'state_backend' => $server->dsn, 'lease_seconds' => 2, 'retry' => ['max_attempts' => 2, 'initial_delay_ms' => 50]]],
            ['failure_transport' => 'failed', 'transports' => ['work' => 'ossa://default?queue=work', 'failed' => 'ossa://default?queue=failed']],
            [Workshop::class],
        );
    }
}
