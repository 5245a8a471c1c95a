<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle;

use Ossa\Runtime\Exception\EngineException;
use Ossa\SymfonyRuntime\Attribute\AsChannelListener;
use Ossa\SymfonyRuntime\Attribute\Breaker;
use Ossa\SymfonyRuntime\Channel\ChannelPublisher;
use Ossa\SymfonyRuntime\Exception\LogicException;
use Ossa\Tests\Application\ApplicationTestCase;
use Ossa\Tests\Bundle\Fixture\Plain;
use Ossa\Tests\Bundle\Fixture\Switchboard;

/** What decides where messages go: rules with transforms in PHP, breakers of listeners, limits of channels. */
final class RoutedMessagesTest extends ApplicationTestCase
{
    private const RULES = <<<'YAML'
        apiVersion: ossa/v0.3.1
        kind: MessageRouting
        metadata: {name: switchboard}
        spec:
          rules: [{id: outside, source: '*', channel: calls.outside, targets: [notes], transform: anonymous}]
          transforms: {anonymous: {type: custom, handler: withhold}}
        YAML;

    protected function setUp(): void
    {
        parent::setUp();
        Switchboard::$down = false;
        Switchboard::$got = [];
    }

    public function testATransformIsAMethodOfAService(): void
    {
        $this->manifest('switchboard', self::RULES);
        $this->boot(services: [Switchboard::class]);
        $this->publisher()->publish('calls.outside', ['number' => '555', 'to' => 'Ada']);
        $this->publisher()->publish('calls.outside', ['to' => 'Bob'], 'nameless');
        $this->workUntil(fn (): bool => [] !== Switchboard::$got && [] !== $this->engine()->deadLetters()->list(), ['ossa_channels']);

        self::assertSame([['notes', ['number' => 'withheld', 'to' => 'Ada']]], Switchboard::$got);
        [$letter] = $this->engine()->deadLetters()->list();
        self::assertSame(['nameless', 'transform_failed', 'there is no number to withhold'], [$letter['message_id'], $letter['reason'], $letter['error']]);

        $route = $this->console(['command' => 'ossa:route', 'message' => '{"number": "555"}', '--source' => 'a', '--channel' => 'calls.outside', '--format' => 'json']);
        self::assertStringContainsString('"number": "withheld"', $route->getDisplay());
    }

    public function testATransformThatIsMadeTwiceOrByNothingIsRefused(): void
    {
        $wrong = [
            'is made twice' => ['transform' => 'withhold', 'method' => 'greet'],
            'has no public method "nothing()"' => ['transform' => 'other', 'method' => 'nothing'],
            'needs a "transform"' => ['method' => 'greet'],
        ];
        foreach ($wrong as $said => $tag) {
            try {
                $this->boot(services: [Switchboard::class], defined: ['other' => ['class' => Plain::class, 'tags' => [['name' => 'ossa.message_transform'] + $tag]]]);
                self::fail('it should be refused: '.$said);
            } catch (LogicException $exception) {
                self::assertStringContainsString($said, $exception->getMessage());
            }
        }
        $this->boot();
    }

    public function testAListenerThatKeepsFailingIsLeftAloneAndAnotherStandsIn(): void
    {
        $this->boot(services: [Switchboard::class]);
        Switchboard::$down = true;
        $this->publisher()->publish('calls', ['call' => 1]);
        $this->workUntil(static fn (): bool => 1 === \count(Switchboard::$got), ['ossa_channels']);
        $this->publisher()->publish('calls', ['call' => 2]);
        $this->workUntil(static fn (): bool => 2 === \count(Switchboard::$got), ['ossa_channels']);

        self::assertSame([['line', ['call' => 1]], ['notes', ['call' => 2]]], Switchboard::$got);
        self::assertMatchesRegularExpression('/^line +open +1 .*the line is dead/m', $this->console(['command' => 'ossa:breaker:list'])->getDisplay());
    }

    public function testConfigurationOfABreakerComesBeforeTheAttribute(): void
    {
        $this->boot(['breakers' => ['line' => ['failures' => 3]]], services: [Switchboard::class]);
        Switchboard::$down = true;
        foreach ([1, 2] as $call) {
            $this->publisher()->publish('calls', ['call' => $call]);
        }
        $this->workUntil(static fn (): bool => 2 === \count(Switchboard::$got), ['ossa_channels']);

        self::assertSame(['line', 'line'], array_column(Switchboard::$got, 0));
    }

    public function testAChannelTakesAsMuchAsIsConfigured(): void
    {
        $this->boot(['messaging' => ['channels' => ['calls' => ['max_per_second' => 1]]]], services: [Switchboard::class]);
        $this->publisher()->publish('calls', ['call' => 1]);

        $this->expectException(EngineException::class);
        $this->expectExceptionMessage('channel `calls` takes 1 messages a second');
        $this->publisher()->publish('calls', ['call' => 2]);
    }

    public function testDeadLettersAreListedPageByPage(): void
    {
        $this->boot(['breakers' => ['line' => ['failures' => 9]]], services: [Switchboard::class]);
        Switchboard::$down = true;
        foreach ([1, 2, 3] as $call) {
            $this->publisher()->publish('calls', ['call' => $call], 'call-'.$call);
        }
        $this->workUntil(fn (): bool => 3 === \count($this->engine()->deadLetters()->list()), ['ossa_channels']);

        $first = $this->console(['command' => 'ossa:dlq:list', '--limit' => '2'])->getDisplay();
        self::assertSame(1, preg_match('/There are more: --after=(\S+)/', $first, $found), $first);
        $rest = $this->console(['command' => 'ossa:dlq:list', '--limit' => '2', '--after' => $found[1]])->getDisplay();
        self::assertStringContainsString('call-2', $first);
        self::assertStringNotContainsString('call-2', $rest);
        self::assertStringContainsString('call-3', $rest);
        self::assertStringNotContainsString('There are more', $rest);
    }

    public function testABreakerAndAnotherTransportExcludeEachOther(): void
    {
        $this->expectException(LogicException::class);
        new AsChannelListener('a', breaker: new Breaker(), transport: 'async');
    }

    private function publisher(): ChannelPublisher
    {
        return $this->service(ChannelPublisher::class, 'ossa.channel_publisher');
    }
}
