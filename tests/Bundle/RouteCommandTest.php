<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle;

use Ossa\Tests\Application\ApplicationTestCase;
use PHPUnit\Framework\Attributes\DataProvider;

final class RouteCommandTest extends ApplicationTestCase
{
    private const RULES = <<<'YAML'
        apiVersion: ossa/v0.3.1
        kind: MessageRouting
        metadata: {name: security}
        spec:
          rules:
            - {id: audit, source: "*", channel: "security.*", targets: [auditor], priority: low}
            - {id: critical, source: scanner, channel: security.alerts, targets: [responder], filter: {severity: critical}, priority: critical}
        YAML;

    protected function setUp(): void
    {
        parent::setUp();
        $this->boot();
        $this->manifest('routing', self::RULES);
    }

    public function testAMessageIsRoutedAndEachRuleSaysWhy(): void
    {
        $tester = $this->console(['command' => 'ossa:route', '--source' => 'scanner', '--channel' => 'security.alerts', 'message' => '{"severity": "low"}']);

        self::assertSame(0, $tester->getStatusCode(), $tester->getErrorOutput());
        self::assertSame(<<<'TEXT'
            matched
              low       auditor  by audit
            yes  audit
            no   critical: `severity` must be "critical"

            TEXT, $tester->getDisplay());
    }

    public function testTheResultIsWrittenAsJson(): void
    {
        $message = '{"id": "m", "source": "scanner", "channel": "security.alerts", "timestamp": "2026-01-31T09:30:00Z", "payload": {"severity": "critical"}}';
        $tester = $this->console(['command' => 'ossa:route', 'message' => $message, '--format' => 'json']);

        self::assertSame(0, $tester->getStatusCode(), $tester->getErrorOutput());
        $explained = json_decode($tester->getDisplay(), true, flags: \JSON_THROW_ON_ERROR);
        self::assertIsArray($explained);
        self::assertSame(['outcome', 'deliveries', 'refusals', 'rules'], array_keys($explained));
        self::assertSame(['responder', 'auditor'], array_column($explained['deliveries'], 'target'));
    }

    public function testRulesWithErrorsAreShownWithTheirPlace(): void
    {
        $this->manifest('routing', str_replace('security.alerts', 'Security.alerts', self::RULES));
        $tester = $this->console(['command' => 'ossa:route', '--source' => 'a', '--channel' => 'b']);

        self::assertSame(1, $tester->getStatusCode());
        self::assertStringContainsString('OSSA-C005', $tester->getErrorOutput());
        self::assertStringContainsString('routing.yaml:7', $tester->getErrorOutput());
        self::assertSame('', $tester->getDisplay());
    }

    /** @return iterable<string, array{array<string, mixed>, int, string}> */
    public static function mistakes(): iterable
    {
        yield 'no channel' => [['--source' => 'a'], 2, '--channel'];
        yield 'no JSON' => [['--source' => 'a', '--channel' => 'b', 'message' => '{'], 2, 'JSON'];
        yield 'no channel name' => [['--source' => 'a', '--channel' => 'B'], 1, '$.channel'];
        yield 'no such file' => [['--source' => 'a', '--channel' => 'b', '--rules' => ['/no/such/file']], 2, '/no/such/file'];
        yield 'no such format' => [['--source' => 'a', '--channel' => 'b', '--format' => 'xml'], 2, '--format'];
    }

    /** @param array<string, mixed> $input */
    #[DataProvider('mistakes')]
    public function testAMistakeIsExplained(array $input, int $exitCode, string $named): void
    {
        $tester = $this->console(['command' => 'ossa:route'] + $input);

        self::assertSame($exitCode, $tester->getStatusCode(), $tester->getDisplay().$tester->getErrorOutput());
        self::assertStringContainsString($named, $tester->getErrorOutput());
    }
}
