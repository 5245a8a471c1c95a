<?php

declare(strict_types=1);

namespace Ossa\Tests\EndToEnd;

use Ossa\Tests\Application\Handler\Count;
use Ossa\Tests\Application\Handler\CountHandler;
use Ossa\Tests\Application\Handler\Workshop;
use Ossa\Tests\Application\ProcessTestCase;
use Ossa\Tests\Support\TestServer;

/** The application of the other tests with its store in Redis: nothing but the DSN is different. */
final class RedisStoreTest extends ProcessTestCase
{
    public function testTwoWorkersCarryOutAWorkflow(): void
    {
        $this->bootOn($this->server('redis'));
        $this->startWorkers(2, ['work']);

        $dispatched = $this->runConsole(['ossa:dispatch', 'workflow', 'onboarding', '--input={"email": "ada@example.org"}', '--wait', '--timeout=30', '--format=json']);

        $run = json_decode($dispatched->getOutput(), true, flags: \JSON_THROW_ON_ERROR);
        self::assertIsArray($run);
        self::assertSame(['completed', ['user' => 'user-ada@example.org']], [$run['status'], $run['output']]);
        self::assertStringContainsString('step_retry_scheduled', $this->runConsole(['ossa:run:show', $run['id']])->getOutput());
        self::assertStringContainsString($run['id'], $this->runConsole(['ossa:run:list', '--status=completed'])->getOutput());
    }

    public function testNoRunAndNoMessageIsLostWhenWorkersAndTheServerAreKilled(): void
    {
        $server = $this->server('redis');
        $this->bootOn($server);
        $ids = [];
        for ($number = 0; $number < 40; ++$number) {
            $ids[] = $this->runtime()->startWorkflow('three-steps', ['value' => $number])->getId();
            $this->bus()->dispatch(new Count($number));
        }
        // What Redis has confirmed it syncs within a second.
        usleep(2_000_000);
        $this->startWorkers(2, ['work']);

        $done = fn (): int => \count($this->effects()->all());
        $this->superviseUntil(static fn (): bool => $done() >= 20);
        $this->killAWorker();
        $this->superviseUntil(static fn (): bool => $done() >= 40);
        $server->kill();
        $this->supervise();
        usleep(300_000);
        $server->restart();
        $this->superviseUntil(static fn (): bool => $done() >= 80);
        $this->killAWorker();

        $this->superviseUntil(fn (): bool => [] === $this->engine()->runs(['status' => ['pending', 'running', 'waiting'], 'limit' => 1])
            && 0 === array_sum($this->engine()->transport(['queue' => 'work'])->counts()), 120);
        foreach ($ids as $number => $id) {
            $run = $this->runOf($id);
            self::assertSame(['completed', ['value' => $number]], [$run->getStatus(), $run->getOutput()]);
        }
    }

    private function bootOn(TestServer $server): void
    {
        $this->boot(
            ['runtime' => ['transport' => 'work', 'state_backend' => $server->dsn, 'lease_seconds' => 2]],
            ['failure_transport' => 'failed', 'transports' => ['work' => 'ossa://default?queue=work', 'failed' => 'ossa://default?queue=failed'], 'routing' => [Count::class => 'work']],
            [Workshop::class, CountHandler::class],
        );
    }
}
