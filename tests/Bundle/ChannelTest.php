<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle;

use Ossa\Runtime\Exception\ArgumentException;
use Ossa\SymfonyRuntime\Attribute\AsChannelListener;
use Ossa\SymfonyRuntime\Channel\ChannelPublisher;
use Ossa\SymfonyRuntime\Channel\RefusedMessagesException;
use Ossa\SymfonyRuntime\Exception\LogicException;
use Ossa\SymfonyRuntime\Message\OssaChannelMessage;
use Ossa\Tests\Application\ApplicationTestCase;
use Ossa\Tests\Application\Handler\SecurityDesk;
use Ossa\Tests\Bundle\Fixture\Plain;
use PHPUnit\Framework\Attributes\DataProvider;
use Symfony\Component\Messenger\Transport\Receiver\MessageCountAwareInterface;

/** Messages of channels in an application. */
final class ChannelTest extends ApplicationTestCase
{
    protected function setUp(): void
    {
        parent::setUp();
        $this->boot(messenger: ['transports' => ['archive' => 'in-memory://']], services: [SecurityDesk::class]);
    }

    public function testAListenerGetsWhatIsPublishedOnItsChannelAndPassesItsFilter(): void
    {
        $this->publisher()->publish('security.vulnerabilities', ['cve' => 'CVE-1', 'severity' => 'high'], source: 'healer');
        $this->publisher()->publish('security.vulnerabilities', ['cve' => 'CVE-2', 'severity' => 'low'], source: 'healer');

        // The auditor gets both, and what the scanner published about the first.
        $this->workUntil(fn (): bool => 4 === \count($this->effects()->all()), ['ossa_channels']);

        self::assertSame([['scanner', 'CVE-1', 'high', 'healer']], $this->effectsOf('scanner'));
        self::assertSame(['security.scans', 'security.vulnerabilities', 'security.vulnerabilities'], $this->sorted(array_column($this->effectsOf('auditor'), 1)));
    }

    public function testAMessageThatIsDispatchedIsPublished(): void
    {
        $this->bus()->dispatch(new OssaChannelMessage('security.vulnerabilities', ['cve' => 'CVE-1', 'severity' => 'critical'], 'scan-1'));
        $this->bus()->dispatch(new OssaChannelMessage('security.vulnerabilities', ['cve' => 'CVE-1', 'severity' => 'critical'], 'scan-1'));

        $this->workUntil(fn (): bool => 3 === \count($this->effects()->all()), ['ossa_channels']);

        self::assertSame([['scanner', 'CVE-1', 'critical', 'app']], $this->effectsOf('scanner'));
        self::assertSame(0, $this->waiting());
    }

    public function testWhatIsPublishedWhileAMessageIsHandledBelongsToIt(): void
    {
        $id = $this->publisher()->publish('security.vulnerabilities', ['cve' => 'CVE-1', 'severity' => 'high']);

        $this->workUntil(fn (): bool => 3 === \count($this->effects()->all()), ['ossa_channels']);

        foreach ($this->effectsOf('auditor') as [, $channel, , $correlation, $hops]) {
            self::assertSame('security.scans' === $channel ? [$id, '1'] : ['', '0'], [$correlation, $hops]);
        }
    }

    public function testAMessageThatKeepsFailingBecomesADeadLetterAndConcernsNobodyElse(): void
    {
        $this->publisher()->publish('security.incidents', ['incident' => 'broken-1'], 'incident-1');
        $this->publisher()->publish('security.incidents', ['incident' => 'fire'], 'incident-2');

        $this->workUntil(fn (): bool => 2 === \count($this->audited('security.incidents')) && [] !== $this->engine()->deadLetters()->list(), ['ossa_channels']);

        self::assertSame(['broken-1', 'broken-1', 'fire'], $this->sorted(array_column($this->effectsOf('responder'), 1)));
        $list = $this->console(['command' => 'ossa:dlq:list'])->getDisplay();
        self::assertMatchesRegularExpression('/security\.incidents\.dlq:\S+ .* incident-1 +responder +handler_failed +2 +HANDLER_ERROR: no one is on duty/', $list);
        self::assertMatchesRegularExpression('/^security\.incidents\.dlq +1 +handler_failed 1/m', $this->console(['command' => 'ossa:dlq:stats'])->getDisplay());
    }

    public function testADeadLetterIsEditedAndReplayedToTheListenerThatFailed(): void
    {
        $this->publisher()->publish('security.incidents', ['incident' => 'broken-1']);
        $this->workUntil(fn (): bool => [] !== $this->engine()->deadLetters()->list(), ['ossa_channels']);
        $id = $this->engine()->deadLetters()->list()[0]['id'];

        $edit = $this->console(['command' => 'ossa:dlq:edit', 'id' => $id, 'payload' => '{"incident": "mended"}', '--by' => 'ada', '--reason' => 'wrong name']);
        self::assertSame(0, $edit->getStatusCode(), $edit->getErrorOutput());
        $show = $this->console(['command' => 'ossa:dlq:show', 'id' => $id])->getDisplay();
        self::assertStringContainsString('broken-1', $show);
        self::assertStringContainsString('by ada (wrong name)', $show);

        $replay = $this->console(['command' => 'ossa:dlq:replay', '--channel' => 'security.incidents']);
        self::assertSame(0, $replay->getStatusCode(), $replay->getErrorOutput());
        self::assertStringContainsString('1 of 1 replayed.', $replay->getDisplay());
        $this->workUntil(fn (): bool => ['responder', 'mended'] === ($this->effectsOf('responder')[2] ?? null), ['ossa_channels']);
        self::assertSame([], $this->engine()->deadLetters()->list());
        self::assertCount(1, $this->audited('security.incidents'));
    }

    public function testADeadLetterIsRemoved(): void
    {
        $this->publisher()->publish('security.incidents', ['incident' => 'broken-1']);
        $this->workUntil(fn (): bool => [] !== $this->engine()->deadLetters()->list(), ['ossa_channels']);
        $id = $this->engine()->deadLetters()->list()[0]['id'];

        self::assertSame(0, $this->console(['command' => 'ossa:dlq:remove', 'id' => $id])->getStatusCode());

        self::assertSame([], $this->engine()->deadLetters()->list());
        $gone = $this->console(['command' => 'ossa:dlq:show', 'id' => $id]);
        self::assertSame(1, $gone->getStatusCode(), $gone->getDisplay());
        self::assertSame(2, $this->console(['command' => 'ossa:dlq:replay'])->getStatusCode());
    }

    public function testAListenerMayHaveItsMessagesPassedOnToAnotherTransport(): void
    {
        $this->publisher()->publish('security.reports', ['report' => 'yearly']);

        $this->workUntil(fn (): bool => [] !== $this->effectsOf('archive'), ['ossa_channels', 'archive']);

        self::assertSame([['archive', 'yearly']], $this->effectsOf('archive'));
    }

    public function testABatchIsPublishedWithOneWriteAndTellsWhatWasRefused(): void
    {
        $ids = $this->publisher()->publishBatch([new OssaChannelMessage('security.scans', ['n' => 1], 'a'), new OssaChannelMessage('security.scans', ['n' => 2], 'b')]);
        self::assertSame(['a', 'b'], $ids);
        self::assertSame(2, $this->waiting());

        try {
            $this->publisher()->publishBatch([new OssaChannelMessage('security.scans', ['n' => 3]), new OssaChannelMessage('Not A Channel', [])]);
            self::fail('the second is refused');
        } catch (RefusedMessagesException $exception) {
            self::assertSame([1], array_keys($exception->getRefused()));
        }
        self::assertSame(3, $this->waiting());
    }

    public function testPruningLeavesWhatIsStillKeptAndSaysHowMuchWasRemoved(): void
    {
        $this->publisher()->publish('security.scans', ['n' => 1]);

        $kept = $this->console(['command' => 'ossa:channel:prune']);
        self::assertSame([0, '0 messages and 0 dead letters removed'], [$kept->getStatusCode(), trim($kept->getDisplay())]);
        self::assertSame(2, $this->console(['command' => 'ossa:channel:prune', '--limit' => 'all'])->getStatusCode());
        $json = json_decode($this->console(['command' => 'ossa:channel:prune', '--format' => 'json'])->getDisplay(), true, flags: \JSON_THROW_ON_ERROR);
        self::assertSame(['messages' => 0, 'expired_values' => 0, 'dead_letters' => 0], $json);
    }

    public function testABadChannelIsRefusedToWhoPublishes(): void
    {
        $this->expectException(ArgumentException::class);
        $this->publisher()->publish('Not A Channel', []);
    }

    public function testAListenerThatIsGoneIsUnsubscribed(): void
    {
        $this->publisher()->publish('security.scans', ['n' => 1]);
        self::assertSame(1, $this->waiting());
        $this->boot(services: [Plain::class]);

        $publisher = $this->service(ChannelPublisher::class, 'ossa.channel_publisher');
        $publisher->publish('security.scans', ['n' => 2]);

        self::assertNotContains('auditor', array_column($this->engine()->channels()->subscribers(), 'name'));
    }

    public function testAListenerNeedsAMethodAChannelAndATransportThatExist(): void
    {
        $impossible = [
            'has no public method "nothing()"' => ['channel' => 'a.b', 'method' => 'nothing'],
            'names "nowhere", which is no Messenger transport' => ['channel' => 'a.b', 'method' => 'greet', 'transport' => 'nowhere'],
            'unknown attribute "chanel"' => ['chanel' => 'a.b', 'method' => 'greet'],
        ];
        foreach ($impossible as $said => $tag) {
            try {
                $this->boot(defined: ['plain' => ['class' => Plain::class, 'tags' => [['name' => 'ossa.channel_listener'] + $tag]]]);
                self::fail('it should be refused: '.$said);
            } catch (LogicException $exception) {
                self::assertStringContainsString($said, $exception->getMessage());
            }
        }
        $this->boot();
    }

    /** @return iterable<string, array{array<string, string>}> */
    public static function impossible(): iterable
    {
        yield 'neither a channel nor an agent' => [[]];
        yield 'both' => [['channel' => 'a.b', 'agent' => 'healer']];
        yield 'a handler without an agent' => [['channel' => 'a.b', 'handler' => 'scan']];
    }

    /** @param array<string, string> $arguments */
    #[DataProvider('impossible')]
    public function testAnAttributeThatCannotWorkIsRefused(array $arguments): void
    {
        $this->expectException(LogicException::class);
        new AsChannelListener(...$arguments);
    }

    private function publisher(): ChannelPublisher
    {
        return $this->service(ChannelPublisher::class, 'ossa.channel_publisher');
    }

    private function waiting(): int
    {
        $transport = $this->transport('ossa_channels');
        self::assertInstanceOf(MessageCountAwareInterface::class, $transport);

        return $transport->getMessageCount();
    }

    /** @return list<list<string>> */
    private function effectsOf(string $listener): array
    {
        return array_values(array_filter($this->effects()->all(), static fn (array $effect): bool => $effect[0] === $listener));
    }

    /** @return list<list<string>> what the auditor got of a channel; it is told of dead letters, too */
    private function audited(string $channel): array
    {
        return array_values(array_filter($this->effectsOf('auditor'), static fn (array $effect): bool => $effect[1] === $channel));
    }

    /**
     * @param list<string> $texts
     *
     * @return list<string>
     */
    private function sorted(array $texts): array
    {
        sort($texts);

        return $texts;
    }
}
