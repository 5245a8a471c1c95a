<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle;

use Ossa\SymfonyRuntime\Context\OssaContextProvider;
use Ossa\SymfonyRuntime\Message\OssaTaskMessage;
use Ossa\SymfonyRuntime\Stamp\OssaContextStamp;
use Ossa\Tests\Application\ApplicationTestCase;
use Ossa\Tests\Application\Handler\Workshop;
use Ossa\Tests\Bundle\Fixture\Note;
use Ossa\Tests\Bundle\Fixture\NoteHandler;
use Ossa\Tests\Bundle\Fixture\NoteTaker;
use Symfony\Component\Messenger\Transport\InMemory\InMemoryTransport;

final class ContextTest extends ApplicationTestCase
{
    private const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

    protected function setUp(): void
    {
        parent::setUp();
        $this->manifest('note', <<<'YAML'
            apiVersion: ossa/v0.3.0
            kind: Task
            metadata: {name: note}
            spec: {execution: {type: idempotent}, capabilities: [take_note]}
            YAML);
        $this->boot(
            messenger: ['transports' => ['notes' => 'in-memory://?serialize=true'], 'routing' => [Note::class => 'notes']],
            services: [Workshop::class, NoteTaker::class, NoteHandler::class],
        );
    }

    public function testAHandlerLearnsOnWhoseBehalfItRuns(): void
    {
        $id = $this->runtime()->startTask('note', [], ['correlation_id' => 'case-9', 'traceparent' => self::TRACE])->getId();
        $output = $this->workUntilEnded($id, ['ossa'])->getOutput();

        self::assertIsArray($output);
        self::assertSame([$id, 'note', 1, 'case-9', self::TRACE], [$output['run'], $output['workflow'], $output['attempt'], $output['correlation'], $output['trace']]);
        self::assertTrue($output['has_effect_key']);
        self::assertTrue($output['deadline_ahead']);
    }

    public function testAMessageSentByAStepCarriesItsContextToWhoeverHandlesIt(): void
    {
        $id = $this->runtime()->startTask('note', [], ['correlation_id' => 'case-9', 'traceparent' => self::TRACE])->getId();
        $this->workUntilEnded($id, ['ossa']);
        $this->workUntil(fn (): bool => [] !== $this->service(NoteHandler::class)->seen, ['notes']);

        $transport = $this->transport('notes');
        self::assertInstanceOf(InMemoryTransport::class, $transport);
        $stamp = $transport->getSent()[0]->last(OssaContextStamp::class);
        self::assertNotNull($stamp);
        self::assertSame([$id, 'case-9', self::TRACE], [$stamp->runId, $stamp->correlationId, $stamp->traceparent]);
        self::assertStringStartsWith($id.'/', $stamp->causationId ?? '');
        self::assertSame([$id], $this->service(NoteHandler::class)->seen);
        self::assertNull($this->service(OssaContextProvider::class)->current(), 'nothing is left behind');
    }

    public function testARunStartedByAStepBelongsToTheSameCase(): void
    {
        $id = $this->runtime()->startTask('note', ['start' => true], ['correlation_id' => 'case-9'])->getId();
        $this->workUntil(fn (): bool => 2 === \count($this->engine()->runs(['status' => 'completed'])), ['ossa']);

        self::assertSame(['case-9', 'case-9'], array_map(static fn ($run): ?string => $run->getCorrelationId(), $this->engine()->runs()));
    }

    public function testAMessageSentElsewhereCarriesNone(): void
    {
        $this->bus()->dispatch(new Note());

        $transport = $this->transport('notes');
        self::assertInstanceOf(InMemoryTransport::class, $transport);
        self::assertNull($transport->getSent()[0]->last(OssaContextStamp::class));
        self::assertNull($this->bus()->dispatch(new OssaTaskMessage('echo'))->last(OssaContextStamp::class));
    }
}
