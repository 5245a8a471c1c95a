<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle;

use Ossa\Tests\Application\ApplicationTestCase;
use Ossa\Tests\Application\Handler\Workshop;
use Ossa\Tests\Support\TestServer;
use Symfony\Component\Console\Tester\ApplicationTester;

/** `ossa:doctor` on whole applications. */
final class DoctorTest extends ApplicationTestCase
{
    public function testASoundInstallationIsFine(): void
    {
        $this->boot(['manifest_paths' => [0 => '%env(OSSA_TEST_FOLDER)%/none']], services: [Workshop::class]);
        $this->manifest('greet', self::task('greet', 'echo'));

        $doctor = $this->doctor(0);

        foreach (['extension', 'store', 'clock', 'manifests', 'handlers', 'transport'] as $subject) {
            self::assertMatchesRegularExpression('/^fine\s+'.$subject.'\s/m', $doctor->getDisplay());
        }
        self::assertStringNotContainsString('→', $doctor->getDisplay());
    }

    public function testAStepWithoutAHandlerIsNamed(): void
    {
        $this->boot(['manifest_paths' => [0 => '%env(OSSA_TEST_FOLDER)%/none']]);
        $this->manifest('greet', self::task('greet', 'wave'));

        $doctor = $this->doctor(2);

        self::assertMatchesRegularExpression('/^broken\s+handlers\s+step "greet" of "greet" has no handler: looked for .*capability "wave"/m', $doctor->getDisplay());
        self::assertStringContainsString('#[AsCapability]', $doctor->getDisplay());
    }

    public function testAWrongManifestIsTold(): void
    {
        $this->boot();
        $this->manifest('bad', "apiVersion: ossa/v0.3.0\nkind: Task\n");

        self::assertMatchesRegularExpression('~^broken\s+manifests\s.*/bad\.yaml:~m', $this->doctor(2)->getDisplay());
    }

    public function testAStoreOrTransportThatCannotBeReachedIsNamedWithoutItsCredentials(): void
    {
        mkdir($this->folder().'/taken');
        $this->boot(
            ['runtime' => ['state_backend' => 'sqlite:///%env(OSSA_TEST_FOLDER)%/taken']],
            ['transports' => ['mails' => 'ossa+nowhere://app:top-secret@host']],
        );

        $display = $this->doctor(2)->getDisplay();

        self::assertMatchesRegularExpression('/^broken\s+store\s.*OSSA-S/m', $display);
        self::assertStringContainsString('"ossa.runtime.state_backend"', $display);
        self::assertMatchesRegularExpression('/^broken\s+transport\s+"mails" cannot be used: .*scheme/m', $display);
        self::assertStringNotContainsString('top-secret', $display);
    }

    public function testDeadLettersAreAWarning(): void
    {
        $this->boot(['manifest_paths' => [0 => '%env(OSSA_TEST_FOLDER)%/none']]);
        $this->engine()->transport(['queue' => 'default.dead'])->send('dead');

        $doctor = $this->doctor(1, ['--format' => 'json']);

        $examined = json_decode($doctor->getDisplay(), true, flags: \JSON_THROW_ON_ERROR);
        self::assertIsArray($examined);
        self::assertContains('warning', array_column($examined, 'condition', 'subject'));
        self::assertSame('warning', array_column($examined, 'condition', 'subject')['queue']);
    }

    public function testSettingsOfATransportsServerThatLoseMessagesAreAWarning(): void
    {
        $server = TestServer::start('redis', ['--appendonly', 'no']);
        $this->boot(
            ['manifest_paths' => [0 => '%env(OSSA_TEST_FOLDER)%/none']],
            ['transports' => ['mails' => 'ossa+'.$server->dsn]],
        );

        self::assertMatchesRegularExpression('/^warning\s+transport\s+"mails": .*append/m', $this->doctor(1)->getDisplay());
    }

    public function testWorkersSayWhatTheDoctorWouldWhenTheyStart(): void
    {
        $server = TestServer::start('redis', ['--appendonly', 'no']);
        $this->boot(
            ['manifest_paths' => [0 => '%env(OSSA_TEST_FOLDER)%/none']],
            ['transports' => ['mails' => 'ossa+'.$server->dsn]],
        );

        $this->workUntil(static fn (): bool => true, ['mails']);

        self::assertMatchesRegularExpression('/warning The transport "mails" works but may break its promise: .*append/', $this->log());
        self::assertSame(1, substr_count($this->log(), 'keeps no file'), $this->log());
    }

    /** @param array<string, string> $options */
    private function doctor(int $exitCode, array $options = []): ApplicationTester
    {
        $tester = $this->console(['command' => 'ossa:doctor'] + $options);
        self::assertSame($exitCode, $tester->getStatusCode(), $tester->getDisplay().$tester->getErrorOutput());

        return $tester;
    }

    private static function task(string $name, string $capability): string
    {
        return <<<YAML
            apiVersion: ossa/v0.3.0
            kind: Task
            metadata: {name: $name}
            spec: {execution: {type: idempotent}, capabilities: [$capability]}
            YAML;
    }
}
