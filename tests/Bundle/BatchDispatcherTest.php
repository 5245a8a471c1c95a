<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle;

use Ossa\SymfonyRuntime\Message\OssaTaskMessage;
use Ossa\SymfonyRuntime\Transport\ListableOssaTransport;
use Ossa\Tests\Application\ApplicationTestCase;
use Ossa\Tests\Bundle\Fixture\Newsletter;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Exception\NoHandlerForMessageException;
use Symfony\Component\Messenger\Stamp\DelayStamp;
use Symfony\Component\Messenger\Stamp\TransportNamesStamp;

/** Many messages with one write. */
final class BatchDispatcherTest extends ApplicationTestCase
{
    protected function setUp(): void
    {
        parent::setUp();
        $this->boot(messenger: ['transports' => [
            'first' => 'ossa://default?queue=first',
            'second' => 'ossa+sqlite:///%env(OSSA_TEST_FOLDER)%/second.db',
        ], 'routing' => [OssaTaskMessage::class => 'first']], services: [Newsletter::class]);
    }

    public function testMessagesGoWhereTheyAreRoutedWithTheirStamps(): void
    {
        $this->service(Newsletter::class)->dispatcher->dispatchMany([
            new OssaTaskMessage('a'),
            new Envelope(new OssaTaskMessage('b'), [new TransportNamesStamp(['second'])]),
            new Envelope(new OssaTaskMessage('c'), [new DelayStamp(3_600_000)]),
            new OssaTaskMessage('d'),
        ]);

        self::assertSame(['a', 'c', 'd'], $this->waiting('first'));
        self::assertSame(['b'], $this->waiting('second'));
    }

    public function testWhenOneMessageFailsOnItsWayNoneIsSent(): void
    {
        try {
            $this->service(Newsletter::class)->dispatcher->dispatchMany([new OssaTaskMessage('a'), new \stdClass()]);
            self::fail('it was taken');
        } catch (NoHandlerForMessageException) {
        }

        self::assertSame([], $this->waiting('first'));
        $this->bus()->dispatch(new OssaTaskMessage('afterwards'));
        self::assertSame(['afterwards'], $this->waiting('first'), 'the batch is closed');
    }

    public function testABatchWithinABatchIsPartOfIt(): void
    {
        $dispatcher = $this->service(Newsletter::class)->dispatcher;
        $dispatcher->dispatchMany((static function () use ($dispatcher): \Generator {
            yield new OssaTaskMessage('a');
            $dispatcher->dispatchMany([new OssaTaskMessage('b')]);
            yield new OssaTaskMessage('c');
        })());

        self::assertSame(['a', 'b', 'c'], $this->waiting('first'));
    }

    /** @return list<string> */
    private function waiting(string $transport): array
    {
        $names = [];
        foreach ($this->service(ListableOssaTransport::class, 'messenger.transport.'.$transport)->all() as $envelope) {
            $message = $envelope->getMessage();
            self::assertInstanceOf(OssaTaskMessage::class, $message);
            $names[] = $message->getManifest();
        }

        return $names;
    }
}
