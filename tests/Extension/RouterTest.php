<?php

declare(strict_types=1);

namespace Ossa\Tests\Extension;

use Ossa\Runtime\Exception\ArgumentException;
use Ossa\Runtime\Exception\InputException;
use Ossa\Runtime\Exception\ManifestException;
use Ossa\Runtime\Router;
use PHPUnit\Framework\Attributes\TestDox;
use PHPUnit\Framework\TestCase;

final class RouterTest extends TestCase
{
    private const RULES = <<<'YAML'
        apiVersion: ossa/v0.3.1
        kind: MessageRouting
        metadata: {name: security}
        spec:
          rules:
            - {id: audit, source: "*", channel: "security.*", targets: [auditor], priority: low}
            - id: critical
              source: scanner
              channel: security.vulnerabilities
              targets: [responder]
              filter: {fields: {severity: [critical]}}
              transform: short
              priority: critical
          transforms:
            short: {type: jmespath, expression: "{id: id}"}
        YAML;

    private const CUSTOM = <<<'YAML'
        apiVersion: ossa/v0.3.1
        kind: MessageRouting
        metadata: {name: custom}
        spec:
          rules:
            - {id: one, source: "*", channel: "*", targets: [a, b], transform: loud}
          transforms:
            loud: {type: custom, handler: shout}
        YAML;

    /**
     * @param array<string, mixed> $payload
     *
     * @return array<string, mixed>
     */
    private static function message(array $payload): array
    {
        return ['id' => 'm-1', 'source' => 'scanner', 'channel' => 'security.vulnerabilities', 'timestamp' => '2026-01-31T09:30:00Z', 'payload' => $payload];
    }

    #[TestDox('Every rule that matches delivers, the most urgent first')]
    public function testEveryRuleThatMatchesDelivers(): void
    {
        $routed = Router::parse(self::RULES)->route(self::message(['id' => 'CVE-1', 'severity' => 'critical']));

        self::assertSame([
            'outcome' => 'matched',
            'deliveries' => [
                ['target' => 'responder', 'priority' => 'critical', 'rules' => ['critical'], 'transform' => 'short', 'failover' => [], 'payload' => ['id' => 'CVE-1']],
                ['target' => 'auditor', 'priority' => 'low', 'rules' => ['audit'], 'transform' => null, 'failover' => [], 'payload' => ['id' => 'CVE-1', 'severity' => 'critical']],
            ],
            'refusals' => [],
        ], $routed);
    }

    #[TestDox('A payload is delivered as JSON would have it, whether or not it holds objects')]
    public function testAPayloadIsDeliveredAsJsonWouldHaveIt(): void
    {
        $router = Router::parse(self::RULES);
        $plain = ['list' => [1, 2.5, null, true], 'none' => [], 'text' => 'ä', 'map' => [7 => ['deep' => ['er' => 'x']]]];
        $shared = 1;
        $rich = ['empty' => new \stdClass(), 'at' => new \DateTimeImmutable('2026-01-31T09:30:00+00:00'), 'shared' => &$shared];

        $payloads = [];
        foreach ([$plain, $rich] as $payload) {
            $payloads[] = $router->route(self::message($payload))['deliveries'][0]['payload'];
        }
        self::assertSame([$plain, ['empty' => [], 'at' => '2026-01-31T09:30:00.000000+00:00', 'shared' => 1]], $payloads);
    }

    #[TestDox('Of a failover the first target gets the message, and the others are named')]
    public function testOfAFailoverTheFirstTargetGetsTheMessage(): void
    {
        $rules = str_replace('{id: audit,', '{id: audit, delivery: failover,', str_replace('targets: [auditor]', 'targets: [auditor, archive]', self::RULES));

        [$delivery] = Router::parse($rules)->route(self::message(['severity' => 'low']))['deliveries'];
        self::assertSame(['auditor', ['archive']], [$delivery['target'], $delivery['failover']]);
    }

    #[TestDox('A rule that does not match says why')]
    public function testARuleThatDoesNotMatchSaysWhy(): void
    {
        $explained = Router::parse(self::RULES)->explain(self::message(['severity' => 'low']));

        self::assertSame([true, false], array_column($explained['rules'], 'matches'));
        self::assertSame('`severity` must be "critical"', $explained['rules'][1]['why'] ?? null);
    }

    #[TestDox('A file is loaded, and rules with errors are refused with their place')]
    public function testAFileIsLoaded(): void
    {
        $file = tempnam(sys_get_temp_dir(), 'ossa-rules-');
        self::assertIsString($file);
        file_put_contents($file, self::RULES);
        self::assertSame([], Router::load([$file])->getWarnings());
        file_put_contents($file, str_replace('"security.*"', '"Security.*"', self::RULES));
        try {
            Router::load([$file]);
            self::fail('the pattern is wrong');
        } catch (ManifestException $exception) {
            self::assertSame('OSSA-C005', $exception->getErrorCode());
            self::assertSame(6, $exception->getDiagnostics()[0]->getLine());
        } finally {
            unlink($file);
        }
    }

    #[TestDox('What is no envelope is refused')]
    public function testWhatIsNoEnvelopeIsRefused(): void
    {
        $this->expectException(InputException::class);
        $this->expectExceptionMessage('$.id');

        Router::parse(self::RULES)->route(['id' => null] + self::message([]));
    }

    #[TestDox('A transform of the host is called with its expression, the message and its name')]
    public function testATransformOfTheHostIsCalled(): void
    {
        $router = Router::parse(self::CUSTOM, ['shout' => static fn (string $expression, array $message, string $name): array => [$expression, $message['targets'], $name]]);

        self::assertSame(['shout', ['a', 'b'], 'loud'], $router->route(self::message([]))['deliveries'][1]['payload']);
    }

    #[TestDox('An exception of a transform comes out of the call')]
    public function testAnExceptionOfATransformComesOut(): void
    {
        $router = Router::parse(self::CUSTOM, ['shout' => static fn (): never => throw new \DomainException('too loud')]);
        try {
            $router->route(self::message([]));
            self::fail('it has thrown');
        } catch (\DomainException $exception) {
            self::assertSame('too loud', $exception->getMessage());
        }
        // The router is as good as before.
        $this->expectException(\DomainException::class);
        $router->explain(self::message([]));
    }

    #[TestDox('A transform without a callback, or with one that cannot be called, is refused')]
    public function testATransformNeedsACallback(): void
    {
        try {
            Router::parse(self::CUSTOM);
            self::fail('there is no callback');
        } catch (ManifestException $exception) {
            self::assertSame('OSSA-C007', $exception->getErrorCode());
        }
        $this->expectException(ArgumentException::class);
        // @phpstan-ignore argument.type
        Router::parse(self::CUSTOM, ['shout' => 'no such function']);
    }

    #[TestDox('A broadcast without targets goes to the agents that are named')]
    public function testABroadcastGoesToTheAgentsThatAreNamed(): void
    {
        $router = Router::parse(str_replace('  transforms:', "  defaultRoute: {action: broadcast}\n  transforms:", self::RULES));
        $routed = $router->route(['channel' => 'other'] + self::message([]), ['agents' => ['scanner', 'healer']]);

        self::assertSame('broadcast', $routed['outcome']);
        self::assertSame(['healer'], array_column($routed['deliveries'], 'target'));
    }
}
