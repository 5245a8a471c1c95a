<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle;

use Ossa\SymfonyRuntime\Breaker\BreakerOpenException;
use Ossa\SymfonyRuntime\Breaker\CircuitBreaker;
use Ossa\SymfonyRuntime\Exception\LogicException;
use Ossa\Tests\Application\ApplicationTestCase;
use Ossa\Tests\Bundle\Fixture\Crm;
use Ossa\Tests\Bundle\Fixture\MailServer;
use Ossa\Tests\Bundle\Fixture\Plain;
use Symfony\Component\Console\Command\Command;

final class BreakerTest extends ApplicationTestCase
{
    private const MAIL = <<<'YAML'
        apiVersion: ossa/v0.3.0
        kind: Task
        metadata: {name: letter}
        spec: {execution: {type: idempotent}, capabilities: [mail]}
        YAML;

    protected function setUp(): void
    {
        parent::setUp();
        MailServer::$down = true;
        MailServer::$calls = 0;
    }

    public function testTheAttributeSaysHowOftenAHandlerIsTriedAndWhenItIsLeftAlone(): void
    {
        $this->manifest('letter', self::MAIL);
        $this->boot(['runtime' => ['retry' => ['max_attempts' => 1]]], services: [MailServer::class]);

        $run = $this->runtime()->startTask('letter')->getId();
        $this->workUntil(static fn (): bool => 2 === MailServer::$calls, ['ossa']);
        self::assertSame('running', $this->runOf($run)->getStatus());
        $why = $this->console(['command' => 'ossa:run:why', 'id' => $run]);
        self::assertStringContainsString('the circuit breaker of `mail` is open until', $why->getDisplay());

        MailServer::$down = false;
        $this->workUntilEnded($run, ['ossa']);
        self::assertSame('completed', $this->runOf($run)->getStatus());
        self::assertSame(3, MailServer::$calls);
    }

    public function testConfigurationComesBeforeTheAttribute(): void
    {
        $this->manifest('letter', self::MAIL);
        $this->boot(['breakers' => ['mail' => ['failures' => 100]]], services: [MailServer::class]);

        $run = $this->runtime()->startTask('letter')->getId();
        $this->workUntilEnded($run, ['ossa']);

        self::assertSame('failed', $this->runOf($run)->getStatus());
        self::assertSame(4, MailServer::$calls);
    }

    public function testTheCommandsListAndCloseBreakers(): void
    {
        $this->boot(services: [Crm::class]);
        self::assertStringContainsString('No circuit breaker saw a failure', $this->console(['command' => 'ossa:breaker:list'])->getDisplay());
        $this->failTimes('crm', 5);

        $list = $this->console(['command' => 'ossa:breaker:list'])->getDisplay();
        self::assertMatchesRegularExpression('/^crm +open +5 .*HANDLER_ERROR: the CRM is down/m', $list);
        $json = json_decode($this->console(['command' => 'ossa:breaker:list', '--format' => 'json'])->getDisplay(), true, flags: \JSON_THROW_ON_ERROR);
        self::assertIsArray($json);
        self::assertSame(['crm', 'open'], [$json[0]['name'], $json[0]['state']]);

        self::assertSame(Command::SUCCESS, $this->console(['command' => 'ossa:breaker:reset', 'name' => 'crm'])->getStatusCode());
        self::assertTrue($this->isCalled('crm'));
        self::assertSame(Command::FAILURE, $this->console(['command' => 'ossa:breaker:reset', 'name' => 'crm'])->getStatusCode());
    }

    public function testAnyServiceGuardsItsCalls(): void
    {
        $this->boot(['breakers' => ['crm' => ['failures' => 2, 'open_ms' => 60000]]], services: [Crm::class]);
        $this->failTimes('crm', 2);

        try {
            $this->isCalled('crm');
            self::fail('the breaker is closed');
        } catch (BreakerOpenException $exception) {
            self::assertSame('crm', $exception->getName());
            self::assertSame('BREAKER_OPEN', $exception->getErrorCode());
            self::assertGreaterThan(0, $exception->getRetryDelay());
            self::assertLessThanOrEqual(60000, $exception->getRetryDelay());
        }
        self::assertTrue($this->isCalled('crm', 'another-tenant'));
    }

    public function testAPolicyWithoutANameIsRefused(): void
    {
        $this->expectException(LogicException::class);
        $this->expectExceptionMessage('has a policy, but no name that it is for');
        $this->boot(defined: ['plain' => ['class' => Plain::class, 'tags' => [['name' => 'ossa.capability', 'method' => 'greet', 'retry' => ['max_attempts' => 2]]]]]);
    }

    private function failTimes(string $name, int $times): void
    {
        for ($i = 0; $i < $times; ++$i) {
            try {
                $this->breaker()->call($name, static fn (): never => throw new \RuntimeException('the CRM is down'));
            } catch (\RuntimeException $exception) {
                self::assertSame('the CRM is down', $exception->getMessage());
            }
        }
    }

    private function isCalled(string $name, ?string $tenant = null): bool
    {
        $called = false;
        $this->breaker()->call($name, static function () use (&$called): void {
            $called = true;
        }, $tenant);

        return $called;
    }

    private function breaker(): CircuitBreaker
    {
        return $this->service(Crm::class)->breaker;
    }
}
