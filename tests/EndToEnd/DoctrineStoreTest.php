<?php

declare(strict_types=1);

namespace Ossa\Tests\EndToEnd;

use Ossa\Tests\Application\Handler\Cashier;
use Ossa\Tests\Application\ProcessTestCase;
use PHPUnit\Framework\Attributes\TestWith;

/** Runs in the application's own database, and workers as processes. */
final class DoctrineStoreTest extends ProcessTestCase
{
    private const RUNS = 24;
    private const KILLS = 4;

    protected function tearDown(): void
    {
        unset($_ENV['OSSA_TEST_DATABASE']);
        parent::tearDown();
    }

    #[TestWith(['sqlite'])]
    #[TestWith(['postgresql'])]
    #[TestWith(['mariadb'])]
    public function testWorkersThatAreKilledBookEachRunOnce(string $database): void
    {
        if ('sqlite' !== $database) {
            $_ENV['OSSA_TEST_DATABASE'] = $this->server($database)->dsn;
        }
        $this->boot(
            ['runtime' => ['transport' => 'work', 'lease_seconds' => 1, 'state_backend' => 'doctrine://default']],
            ['transports' => ['work' => 'ossa://default?queue=work']],
            [Cashier::class],
        );
        $this->runConsole(['ossa:store:setup']);
        $this->service(Cashier::class)->open();
        $this->manifest('book', <<<'YAML'
            apiVersion: ossa/v0.3.0
            kind: Task
            metadata: {name: book}
            spec: {execution: {type: transactional}, capabilities: [book]}
            YAML);
        $ids = array_map(fn (int $amount): string => $this->runtime()->startTask('book', ['amount' => $amount])->getId(), range(1, self::RUNS));
        $this->startWorkers(2, ['work']);

        for ($kill = 1; $kill <= self::KILLS; ++$kill) {
            $this->superviseUntil(fn (): bool => \count($this->service(Cashier::class)->bookings()) >= $kill * 4);
            $this->killAWorker();
        }
        $this->superviseUntil(fn (): bool => [] === array_filter($ids, fn (string $id): bool => !$this->runOf($id)->isTerminal()));

        $bookings = $this->service(Cashier::class)->bookings();
        sort($bookings);
        self::assertSame(range(1, self::RUNS), $bookings);
        foreach ($ids as $place => $id) {
            self::assertSame(['completed', $place + 1], [$this->runOf($id)->getStatus(), self::booked($this->runOf($id)->getOutput())]);
        }
    }

    private static function booked(mixed $output): mixed
    {
        return \is_array($output) ? $output['booked'] ?? null : null;
    }
}
