<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle;

use Ossa\SymfonyRuntime\Message\OssaStepMessage;
use Ossa\SymfonyRuntime\Message\OssaTaskMessage;
use Ossa\SymfonyRuntime\Message\OssaWorkflowMessage;
use Ossa\Tests\Application\ApplicationTestCase;
use Ossa\Tests\Application\Handler\Workshop;
use PHPUnit\Framework\Attributes\DataProvider;
use Symfony\Bundle\FrameworkBundle\Console\Application;
use Symfony\Component\Console\Tester\CommandCompletionTester;

final class CommandsTest extends ApplicationTestCase
{
    protected function setUp(): void
    {
        parent::setUp();
        $this->boot(
            ['runtime' => ['retry' => ['max_attempts' => 2, 'initial_delay_ms' => 10]]],
            ['failure_transport' => 'failed', 'transports' => ['failed' => 'ossa://default?queue=failed']],
            [Workshop::class],
        );
    }

    public function testValidManifestsPassAndAreCounted(): void
    {
        $tester = $this->console(['command' => 'ossa:validate']);

        self::assertSame(0, $tester->getStatusCode(), $tester->getDisplay().$tester->getErrorOutput());
        self::assertStringContainsString('Workflow onboarding', $tester->getDisplay());
        self::assertMatchesRegularExpression('/\d+ documents, 0 invalid/', $tester->getDisplay());
    }

    public function testAnInvalidManifestIsShownWithPlaceAndCode(): void
    {
        $this->manifest('broken', "apiVersion: ossa/v0.3.0\nkind: Workflow\nmetadata: {name: broken}\nspec:\n  steps:\n    - {id: a, kind: Task, ref: echo, depends_on: [nobody]}\n");
        $file = $this->folder().'/manifests/broken.yaml';

        $text = $this->console(['command' => 'ossa:validate', 'path' => [$file]]);
        self::assertSame(1, $text->getStatusCode());
        self::assertStringContainsString('invalid '.$file, $text->getDisplay());
        self::assertMatchesRegularExpression('/OSSA-M\d{3}/', $text->getDisplay());
        self::assertStringContainsString('nobody', $text->getDisplay());

        $json = $this->console(['command' => 'ossa:validate', 'path' => [$file], '--format' => 'json']);
        self::assertSame(1, $json->getStatusCode());
        $documents = json_decode($json->getDisplay(), true, flags: \JSON_THROW_ON_ERROR);
        self::assertIsArray($documents);
        self::assertSame(['file', 'index', 'kind', 'name', 'api_version', 'valid', 'diagnostics'], array_keys($documents[0]));
        self::assertFalse($documents[0]['valid']);
        self::assertSame(6, $documents[0]['diagnostics'][0]['line']);
    }

    /** @return iterable<string, array{array<string, mixed>, int, string}> */
    public static function mistakes(): iterable
    {
        yield 'a path that does not exist' => [['command' => 'ossa:validate', 'path' => ['/no/such/path']], 2, '/no/such/path'];
        yield 'an unknown format' => [['command' => 'ossa:validate', '--format' => 'xml'], 2, '--format'];
        yield 'neither task nor workflow' => [['command' => 'ossa:dispatch', 'kind' => 'agent', 'name' => 'x'], 2, 'task, workflow'];
        yield 'input that is no JSON' => [['command' => 'ossa:dispatch', 'kind' => 'task', 'name' => 'echo', '--input' => '{'], 2, '--input'];
        yield 'input that is no object' => [['command' => 'ossa:dispatch', 'kind' => 'task', 'name' => 'echo', '--input' => '[1]'], 2, 'object'];
        yield 'no such manifest' => [['command' => 'ossa:dispatch', 'kind' => 'task', 'name' => 'no-such-task'], 1, 'no-such-task'];
        yield 'a workflow asked for as a task' => [['command' => 'ossa:dispatch', 'kind' => 'task', 'name' => 'onboarding'], 1, 'onboarding'];
        yield 'input that breaks the schema' => [['command' => 'ossa:dispatch', 'kind' => 'workflow', 'name' => 'onboarding'], 1, 'email'];
        yield 'no such run' => [['command' => 'ossa:run:show', 'id' => '01939393-0000-7000-8000-000000000000'], 1, 'ossa:run:list'];
        yield 'no such status' => [['command' => 'ossa:run:list', '--status' => ['done']], 2, 'quarantined'];
        yield 'no number' => [['command' => 'ossa:run:list', '--limit' => 'many'], 2, '--limit'];
        yield 'a timeout that is none' => [['command' => 'ossa:dispatch', 'kind' => 'task', 'name' => 'echo', '--wait' => true, '--timeout' => 'soon'], 2, '--timeout'];
    }

    /** @param array<string, mixed> $input */
    #[DataProvider('mistakes')]
    public function testAMistakeIsExplainedOnStandardErrorAndByTheExitCode(array $input, int $exitCode, string $named): void
    {
        $tester = $this->console($input);

        self::assertSame($exitCode, $tester->getStatusCode(), $tester->getDisplay().$tester->getErrorOutput());
        self::assertStringContainsString($named, $tester->getErrorOutput());
        self::assertSame('', $tester->getDisplay(), 'standard output is for data');
    }

    public function testADispatchedRunIsListedAndShown(): void
    {
        $dispatched = $this->console(['command' => 'ossa:dispatch', 'kind' => 'workflow', 'name' => 'onboarding', '--input' => '{"email": "ada@example.org"}', '--correlation-id' => 'case-3', '--priority' => 'high']);
        self::assertSame(0, $dispatched->getStatusCode(), $dispatched->getErrorOutput());
        $id = trim($dispatched->getDisplay());
        $this->workUntilEnded($id, ['ossa']);

        $list = $this->console(['command' => 'ossa:run:list', '--status' => ['completed'], '--correlation-id' => 'case-3']);
        self::assertStringContainsString($id, $list->getDisplay());
        self::assertStringNotContainsString($id, $this->console(['command' => 'ossa:run:list', '--status' => ['failed']])->getDisplay());

        $show = $this->console(['command' => 'ossa:run:show', 'id' => $id]);
        self::assertSame(0, $show->getStatusCode());
        foreach (['completed', 'case-3', 'welcome', 'attempt_failed', 'TEMPORARY_FAULT', 'step_retry_scheduled', 'run_completed'] as $part) {
            self::assertStringContainsString($part, $show->getDisplay());
        }

        self::assertStringNotContainsString('run_created', $this->console(['command' => 'ossa:run:show', 'id' => $id, '--no-events' => true])->getDisplay());

        $data = json_decode($this->console(['command' => 'ossa:run:show', 'id' => $id, '--format' => 'json'])->getDisplay(), true, flags: \JSON_THROW_ON_ERROR);
        self::assertIsArray($data);
        self::assertSame([$id, 'completed', ['user' => 'user-ada@example.org']], [$data['id'], $data['status'], $data['output']]);
        self::assertSame('run_created', $data['events'][0]['type']);
    }

    public function testAnEmptyListIsSaidOnStandardErrorAndIsAnEmptyListAsJson(): void
    {
        $list = $this->console(['command' => 'ossa:run:list']);

        self::assertSame([0, ''], [$list->getStatusCode(), $list->getDisplay()]);
        self::assertStringContainsString('no such runs', $list->getErrorOutput());
        self::assertSame([], json_decode($this->console(['command' => 'ossa:run:list', '--format' => 'json'])->getDisplay(), true));
    }

    public function testAStoreThatCannotBeOpenedIsTracedToItsConfiguration(): void
    {
        $this->boot(['runtime' => ['state_backend' => 'mysql://root:hunter2@localhost/shop']]);

        $tester = $this->console(['command' => 'ossa:run:list']);

        self::assertSame(2, $tester->getStatusCode());
        self::assertStringContainsString('ossa.runtime.state_backend', $tester->getErrorOutput());
        self::assertStringNotContainsString('hunter2', $tester->getErrorOutput());
    }

    public function testAnEmptyObjectWithinTheInputStaysOne(): void
    {
        $id = trim($this->console(['command' => 'ossa:dispatch', 'kind' => 'task', 'name' => 'echo', '--input' => '{"options": {}, "list": []}'])->getDisplay());

        $run = json_decode($this->console(['command' => 'ossa:run:export', 'id' => $id])->getDisplay(), true);
        $log = \is_array($run) ? $run['run']['log'][0]['events'] ?? '' : '';
        self::assertStringContainsString('"input":{"options":{},"list":[]}', \is_string($log) ? $log : '');
    }

    public function testTheSameIdempotencyKeyGivesTheSameRun(): void
    {
        $dispatch = fn (): string => trim($this->console(['command' => 'ossa:dispatch', 'kind' => 'task', 'name' => 'echo', '--idempotency-key' => 'once'])->getDisplay());

        self::assertSame($dispatch(), $dispatch());
    }

    public function testWaitingEndsWithTheTimeGivenWhenNoWorkerWorks(): void
    {
        $tester = $this->console(['command' => 'ossa:dispatch', 'kind' => 'task', 'name' => 'echo', '--wait' => true, '--timeout' => '1']);

        self::assertSame(1, $tester->getStatusCode());
        self::assertStringContainsString('run_created', $tester->getErrorOutput());
        self::assertStringContainsString('it goes on', $tester->getErrorOutput());
        self::assertStringContainsString('running', $tester->getDisplay());
    }

    public function testNamesAndStatusesAreCompleted(): void
    {
        self::assertContains('onboarding', $this->complete('ossa:dispatch', ['workflow', '']));
        self::assertNotContains('echo', $this->complete('ossa:dispatch', ['workflow', '']));
        self::assertContains('task', $this->complete('ossa:dispatch', ['']));
        self::assertContains('quarantined', $this->complete('ossa:run:list', ['--status', '']));
        self::assertContains('json', $this->complete('ossa:validate', ['--format', '']));
        $id = $this->runtime()->startTask('echo')->getId();
        self::assertContains($id, $this->complete('ossa:run:show', ['']));
    }

    public function testMessengersOwnCommandsKnowOurMessagesAndTransports(): void
    {
        $debug = $this->console(['command' => 'debug:messenger'])->getDisplay();
        foreach ([OssaTaskMessage::class, OssaWorkflowMessage::class, OssaStepMessage::class] as $message) {
            self::assertStringContainsString($message, $debug);
        }
        $this->runtime()->startTask('echo');

        $stats = $this->console(['command' => 'messenger:stats']);
        self::assertSame(0, $stats->getStatusCode(), $stats->getErrorOutput());
        self::assertMatchesRegularExpression('/ossa\s+1\b/', $stats->getDisplay());

        $setup = $this->console(['command' => 'messenger:setup-transports']);
        self::assertSame(0, $setup->getStatusCode(), $setup->getErrorOutput());
        self::assertMatchesRegularExpression('/"ossa" transport was set up/', $setup->getDisplay());

        self::assertLessThan(140, max(array_map(strlen(...), explode("\n", $debug))), 'one line of a description fits the screen');

        $router = $this->console(['command' => 'debug:container', 'name' => 'Ossa\Runtime\Engine']);
        self::assertSame(0, $router->getStatusCode(), $router->getErrorOutput());
    }

    /**
     * @param list<string> $words
     *
     * @return array<string>
     */
    private function complete(string $command, array $words): array
    {
        $kernel = $this->service(\Symfony\Component\HttpKernel\KernelInterface::class, 'kernel');

        return (new CommandCompletionTester((new Application($kernel))->find($command)))->complete($words);
    }
}
