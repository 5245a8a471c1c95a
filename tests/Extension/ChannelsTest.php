<?php

declare(strict_types=1);

namespace Ossa\Tests\Extension;

use Ossa\Runtime\ChannelDelivery;
use Ossa\Runtime\Channels;
use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ArgumentException;
use Ossa\Runtime\Exception\EngineException;
use Ossa\Runtime\Exception\TransportException;
use Ossa\Tests\Extension\Support\TemporaryStore;
use PHPUnit\Framework\Attributes\TestDox;
use PHPUnit\Framework\TestCase;

final class ChannelsTest extends TestCase
{
    use TemporaryStore;

    private Engine $engine;
    private Channels $channels;

    protected function setUp(): void
    {
        $this->engine = Engine::open('memory:');
        $this->channels = $this->engine->channels();
    }

    #[TestDox('What is published goes to who takes it, with everything that was said about it')]
    public function testWhatIsPublishedGoesToWhoTakesIt(): void
    {
        $this->channels->subscribe([
            'name' => 'scanner',
            'subscriptions' => [['channel' => 'security.*', 'filter' => ['severity' => ['high', 'critical']], 'handler' => 'scan']],
        ]);
        $sent = $this->channels->publish('security.found', ['severity' => 'high', 'n' => 1], 'healer', [
            'id' => 'm1', 'type' => 'Found', 'priority' => 'high', 'correlation_id' => 'case-7', 'headers' => ['x-team' => 'blue'],
        ]);
        $this->channels->publish('security.found', ['severity' => 'low'], 'healer');

        self::assertSame(['id' => 'm1', 'position' => 1, 'is_new' => true, 'deliveries' => 1], $sent);
        self::assertFalse($this->channels->publish('security.found', ['n' => 2], 'healer', ['id' => 'm1'])['is_new']);
        $delivery = $this->one('scanner');
        self::assertSame('m1', $delivery->getMessageId());
        self::assertSame('security.found', $delivery->getChannel());
        self::assertSame('healer', $delivery->getSource());
        self::assertSame('Found', $delivery->getType());
        self::assertSame(['severity' => 'high', 'n' => 1], $delivery->getPayload());
        self::assertSame('scan', $delivery->getHandler());
        self::assertSame('high', $delivery->getPriority());
        self::assertSame('case-7', $delivery->getCorrelationId());
        self::assertSame(1, $delivery->getAttempt());
        self::assertSame('security.found:m1:scanner', $delivery->getEffectKey());
        self::assertJson($delivery->getOriginal());
        $this->channels->ack($delivery);
        self::assertSame([], $this->channels->receive(['scanner'], 10));
    }

    #[TestDox('A failed delivery comes again, becomes a dead letter, and is edited and replayed')]
    public function testAFailedDeliveryBecomesADeadLetterAndIsReplayed(): void
    {
        $this->channels->subscribe([
            'name' => 'scanner',
            'subscriptions' => [['channel' => 'a']],
            'retry' => ['max_attempts' => 2, 'backoff' => 'none', 'initial_delay_ms' => 0],
        ]);
        $this->channels->publish('a', ['n' => 1], 'healer', ['id' => 'm1']);

        $again = $this->channels->fail($this->one('scanner'), ['code' => 'DOWN', 'message' => 'no server']);
        self::assertSame('retry', $again['outcome']);
        $failed = $this->channels->fail($this->one('scanner'), ['code' => 'DOWN', 'message' => 'no server']);
        self::assertSame(['outcome' => 'dead_letter', 'retry_at_ms' => null, 'dead_letter_channel' => 'a.dlq', 'subscriber' => null], $failed);

        $letters = $this->engine->deadLetters('anna');
        [$letter] = $letters->list(['channel' => 'a', 'reason' => 'handler_failed', 'error_code' => 'DOWN']);
        self::assertSame(['m1', 'scanner', 2, 'no server'], [$letter['message_id'], $letter['subscriber'], $letter['attempts'], $letter['error']]);
        self::assertSame(1, $letters->stats()[0]['count']);
        $edited = $letters->edit($letter['id'], ['n' => 2], 'was wrong');
        self::assertSame('anna', $edited['edits'][0]['by']);
        self::assertSame($letter['original'], $edited['original']);
        self::assertSame(['subscriber' => 'scanner', 'deliveries' => 1], $letters->replay($letter['id']));

        $delivery = $this->one('scanner');
        self::assertSame([['n' => 2], 1], [$delivery->getPayload(), $delivery->getAttempt()]);
        self::assertSame([], $letters->list());
        self::assertSame(['edit', 'replay'], array_column($letters->actions(), 'action'));
        $this->expectException(EngineException::class);
        $letters->show($letter['id']);
    }

    #[TestDox('A transform in PHP makes what a target gets; what it throws is the reason of a dead letter')]
    public function testATransformInPhpMakesWhatATargetGets(): void
    {
        $this->manifest(<<<'YAML'
            apiVersion: ossa/v0.3.1
            kind: MessageRouting
            metadata: {name: privacy}
            spec:
              rules: [{id: known, source: '*', channel: people, targets: [crm], transform: anonymous}]
              transforms: {anonymous: {type: custom, handler: anonymize}}
            YAML);
        $anonymize = static function (string $expression, array $message, string $transform): array {
            $payload = $message['payload'];
            \assert(\is_array($payload));

            return isset($payload['name']) ? ['by' => [$expression, $transform]] + array_diff_key($payload, ['name' => true]) : throw new \DomainException('there is no name');
        };
        $this->engine = Engine::open('memory:', ['manifest_roots' => [$this->folder()], 'callbacks' => ['anonymize' => $anonymize]]);
        $this->channels = $this->engine->channels();
        $this->channels->subscribe(['name' => 'crm']);
        self::assertSame([], $this->channels->problems());

        $this->channels->publish('people', ['id' => 7, 'name' => 'Ada'], 'hr');
        self::assertSame(['by' => ['anonymize', 'anonymous'], 'id' => 7], $this->one('crm')->getPayload());

        $this->channels->publish('people', ['id' => 8, 'alias' => 'Bob'], 'hr');
        self::assertSame([], $this->channels->receive(['crm']));
        [$letter] = $this->engine->deadLetters()->list();
        self::assertSame(['transform_failed', 'there is no name'], [$letter['reason'], $letter['error']]);
        self::assertStringContainsString('Bob', $letter['original']);
    }

    #[TestDox('A channel takes as much as is set for it, and says when it takes more')]
    public function testAChannelTakesAsMuchAsIsSetForIt(): void
    {
        $this->engine = Engine::open('memory:', ['channels' => ['settings' => ['metrics.*' => ['max_per_second' => 1, 'burst' => 2]]]]);
        $this->channels = $this->engine->channels();
        $batch = array_fill(0, 3, ['channel' => 'metrics.cpu', 'source' => 'host', 'payload' => []]);

        $answers = $this->channels->publishBatch($batch);
        self::assertSame('OSSA-N026', $answers[2]['error_code'] ?? null);
        try {
            $this->channels->publish('metrics.cpu', [], 'host');
            self::fail('it takes no more');
        } catch (EngineException $exception) {
            self::assertTrue($exception->isRetryable());
            self::assertMatchesRegularExpression('/^publish it again in \d+ ms$/', (string) $exception->getHelp());
        }
        $this->expectException(ArgumentException::class);
        Engine::open('memory:', ['channels' => ['settings' => ['metrics.*' => ['burst' => 2]]]]);
    }

    #[TestDox('Another subscriber gets the messages while a breaker is open')]
    public function testAnotherSubscriberGetsTheMessagesWhileABreakerIsOpen(): void
    {
        $this->engine = Engine::open('memory:', ['breakers' => ['scanner' => ['failures' => 1, 'fallback' => 'auditor']]]);
        $this->channels = $this->engine->channels();
        $this->channels->subscribe(['name' => 'scanner', 'subscriptions' => [['channel' => 'a']], 'retry' => ['max_attempts' => 1]]);
        $this->channels->subscribe(['name' => 'auditor']);
        $this->channels->publish('a', [], 'healer', ['id' => 'm1']);
        $this->channels->fail($this->one('scanner'), ['code' => 'DOWN', 'message' => 'no server']);
        $this->channels->publish('a', [], 'healer', ['id' => 'm2']);

        self::assertSame([], $this->channels->receive(['scanner']));
        self::assertSame('m2', $this->one('auditor')->getMessageId());
    }

    #[TestDox('Dead letters are listed page by page')]
    public function testDeadLettersAreListedPageByPage(): void
    {
        foreach ([1, 2, 3] as $n) {
            $this->channels->publishEnvelope('no envelope '.$n, 'a');
        }
        $letters = $this->engine->deadLetters();
        $first = $letters->list(limit: 2);
        $rest = $letters->list(['after' => $first[1]['id']], 2);

        self::assertSame(['no envelope 1', 'no envelope 2', 'no envelope 3'], array_column([...$first, ...$rest], 'original'));
        self::assertSame([], $letters->list(['after' => $rest[0]['id']]));
    }

    #[TestDox('A request is answered')]
    public function testARequestIsAnswered(): void
    {
        $this->channels->subscribe(['name' => 'scanner', 'subscriptions' => [['channel' => 'agent.scanner.commands.*']]]);
        $id = $this->channels->request('responder', 'scanner', 'rescan', ['target' => 'web'], ['timeout_ms' => 60_000]);

        self::assertSame('pending', $this->channels->answer($id)['status'] ?? null);
        $request = $this->one('scanner');
        self::assertSame('agent.responder.responses', $request->getReplyTo());
        $this->channels->reply($request, ['found' => 3]);
        $this->channels->ack($request);
        self::assertSame(['status' => 'completed', 'output' => ['found' => 3]], $this->channels->answer($id));
        self::assertNull($this->channels->answer('nobody asked'));
    }

    #[TestDox('The stream is read, and a subscriber reads it again from an earlier place on')]
    public function testTheStreamIsReadAgain(): void
    {
        foreach ([1, 2, 3] as $n) {
            $this->channels->publish('a', ['n' => $n], 'healer');
        }
        self::assertCount(2, $this->channels->last('a', 2)['records']);
        self::assertSame(3, $this->channels->read('a')['read_to']);

        $this->channels->subscribe(['name' => 'report', 'subscriptions' => [['channel' => 'a']], 'from' => 1]);
        self::assertCount(2, $this->channels->receive(['report'], 10));
        $this->channels->seek('report');
        self::assertCount(3, $this->channels->receive(['report'], 10));
        self::assertSame('report', $this->channels->subscribers()[0]['name']);
        self::assertTrue($this->channels->unsubscribe('report'));
    }

    #[TestDox('What is wrong is refused in words')]
    public function testWhatIsWrongIsRefusedInWords(): void
    {
        [$good, $bad] = $this->channels->publishBatch([
            ['channel' => 'a', 'source' => 'healer', 'payload' => []],
            ['channel' => 'Not A Channel', 'source' => 'healer', 'payload' => []],
        ]);
        self::assertTrue($good['is_new'] ?? false);
        self::assertSame('OSSA-C004', $bad['error_code'] ?? null);
        try {
            $this->channels->subscribe(['name' => 'x', 'orderin' => 'global']);
            self::fail('it was accepted');
        } catch (ArgumentException $exception) {
            self::assertStringContainsString('orderin', $exception->getMessage());
        }

        $this->channels->subscribe(['name' => 'x', 'subscriptions' => [['channel' => 'a']]]);
        $this->channels->publish('a', [], 'healer');
        $delivery = $this->one('x');
        $this->channels->ack($delivery);
        $this->expectException(TransportException::class);
        $this->channels->ack($delivery);
    }

    private function manifest(string $yaml): void
    {
        file_put_contents($this->folder().'/manifest.ossa.yaml', $yaml);
    }

    private function one(string $subscriber): ChannelDelivery
    {
        $found = $this->channels->receive([$subscriber]);
        self::assertCount(1, $found);

        return $found[0];
    }
}
