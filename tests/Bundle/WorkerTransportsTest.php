<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle;

use Ossa\Runtime\Engine;
use Ossa\SymfonyRuntime\Transport\OssaDsn;
use Ossa\SymfonyRuntime\Transport\OssaTransport;
use Ossa\SymfonyRuntime\Transport\SendBatch;
use Ossa\SymfonyRuntime\Transport\WorkerTransports;
use Ossa\Tests\Application\ApplicationTestCase;
use Ossa\Tests\Application\Handler\Workshop;
use Ossa\Tests\Bundle\Fixture\Note;
use Ossa\Tests\Bundle\Fixture\NoteHandler;
use Symfony\Component\Messenger\Transport\Serialization\PhpSerializer;

/** Who may wait for messages, so that none of a worker's receivers is starved. */
final class WorkerTransportsTest extends ApplicationTestCase
{
    private WorkerTransports $worker;
    private OssaTransport $high;
    private OssaTransport $low;

    protected function setUp(): void
    {
        parent::setUp();
        $this->worker = new WorkerTransports();
        $this->high = $this->transportOf('high');
        $this->low = $this->transportOf('low');
    }

    public function testNobodyWaitsOutsideOfAWorker(): void
    {
        self::assertSame(['high' => 0, 'low' => 0], $this->waits());
    }

    public function testTheOnlyReceiverWaits(): void
    {
        $this->worker->workerStarted(['high']);

        self::assertSame(['high' => 1000, 'low' => 0], $this->waits());
    }

    public function testOfSeveralTheLastWaitsForAll(): void
    {
        $this->worker->workerStarted(['high', 'low']);

        self::assertSame(['high' => 0, 'low' => 1000], $this->waits());
    }

    public function testBeforeAReceiverThatIsNotOursWeWaitOnlyWhenAllWereEmpty(): void
    {
        $this->worker->workerStarted(['high', 'other']);
        self::assertSame(['high' => 0, 'low' => 0], $this->waits());

        $this->worker->workerRan(true);
        self::assertSame(['high' => 1000, 'low' => 0], $this->waits());

        $this->worker->workerRan(false);
        self::assertSame(['high' => 0, 'low' => 0], $this->waits());
    }

    public function testAWorkerOfSeveralTransportsServesThemAll(): void
    {
        $this->boot(
            messenger: [
                'transports' => ['high' => 'ossa://default?queue=high', 'low' => 'ossa://default?queue=low', 'other' => 'in-memory://'],
                'routing' => [Note::class => 'other'],
            ],
            services: [Workshop::class, NoteHandler::class],
        );
        $id = $this->runtime()->startWorkflow('three-steps', ['value' => 1])->getId();
        $this->bus()->dispatch(new Note());

        $this->workUntil(
            fn (): bool => $this->runOf($id)->isTerminal() && [] !== $this->service(NoteHandler::class)->seen,
            ['high', 'ossa', 'low', 'other'],
        );

        self::assertSame('completed', $this->runOf($id)->getStatus());
    }

    private function transportOf(string $name): OssaTransport
    {
        $engine = fn (): Engine => Engine::open('sqlite:///'.$this->folder().'/ossa.db');
        $transport = new OssaTransport($engine, OssaDsn::parse('ossa://default?queue='.$name), new PhpSerializer(), $this->worker, new SendBatch(), $name);
        $this->worker->add($transport);

        return $transport;
    }

    /** @return array{high: int, low: int} */
    private function waits(): array
    {
        return ['high' => $this->worker->waitFor($this->high), 'low' => $this->worker->waitFor($this->low)];
    }
}
