<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle;

use Ossa\Tests\Application\ApplicationTestCase;
use Ossa\Tests\Application\Handler\Workshop;
use PHPUnit\Framework\Attributes\DataProvider;
use Symfony\Component\Console\Tester\ApplicationTester;

/** Runs steered and repaired on the command line. */
final class RunCommandsTest extends ApplicationTestCase
{
    protected function setUp(): void
    {
        parent::setUp();
        $this->boot(services: [Workshop::class]);
    }

    public function testAPausedRunIsShownAsSuchAndGoesOnWhenResumed(): void
    {
        $run = $this->runtime()->startWorkflow('three-steps', ['value' => 1])->getId();

        $paused = $this->order('pause', $run, ['--by' => 'ada', '--reason' => 'mail server down']);
        self::assertSame([0, "Run $run is paused."], [$paused->getStatusCode(), trim($paused->getDisplay())]);
        self::assertStringContainsString('mail server down', $this->console(['command' => 'ossa:run:show', 'id' => $run])->getDisplay());

        $resumed = $this->order('resume', $run, ['--format' => 'json']);
        self::assertSame(['run' => $run, 'status' => 'running'], json_decode($resumed->getDisplay(), true));
        self::assertSame('completed', $this->workUntilEnded($run, ['ossa'])->getStatus());
    }

    public function testARunIsPausedWhateverItsTransport(): void
    {
        $this->boot(['runtime' => ['transport' => 'async']], ['transports' => ['async' => 'in-memory://']], [Workshop::class]);
        $run = $this->runtime()->startWorkflow('three-steps', ['value' => 1])->getId();
        $this->order('pause', $run);
        // The message that is on its way finds nothing to do.
        $this->workUntil(fn (): bool => [] === $this->transport('async')->get(), ['async']);
        self::assertSame('paused', $this->runOf($run)->getStatus());

        $this->order('resume', $run);
        self::assertSame('completed', $this->workUntilEnded($run, ['async'])->getStatus());
    }

    public function testAFailedStepIsSkippedAndItsRunGoesOn(): void
    {
        $this->manifest('careless', "apiVersion: ossa/v0.3.0\nkind: Workflow\nmetadata: {name: careless}\nspec:\n  steps:\n    - {id: bad, kind: Task, inline: {capabilities: [fail]}}\n    - {id: good, kind: Task, ref: echo}\n");
        $run = $this->runtime()->startWorkflow('careless')->getId();
        $this->workUntilEnded($run, ['ossa']);
        self::assertSame('failed', $this->runOf($run)->getStatus());

        $skipped = $this->console(['command' => 'ossa:run:skip', 'id' => $run, 'step' => 'bad']);
        self::assertSame(0, $skipped->getStatusCode(), $skipped->getErrorOutput());
        self::assertSame('completed', $this->workUntilEnded($run, ['ossa'])->getStatus());
        self::assertSame('skipped', $this->step($run, 'bad')['status']);
    }

    /** @return iterable<string, array{string, array<string, string>, string}> */
    public static function refusals(): iterable
    {
        yield 'a run that has ended is not paused' => ['pause', [], 'OSSA-R010'];
        yield 'nor aborted' => ['abort', [], 'it is canceled'];
        yield 'nor canceled' => ['cancel', [], 'it is canceled'];
        yield 'its steps are not skipped' => ['skip', ['step' => 'first'], 'OSSA-R011'];
        yield 'nor executed' => ['execute', ['step' => 'first'], 'OSSA-R011'];
        yield 'nor retried' => ['retry', ['step' => 'first'], 'OSSA-R006'];
        yield 'a step that is not there' => ['skip', ['step' => 'nowhere'], 'OSSA-N008'];
    }

    /** @param array<string, string> $more */
    #[DataProvider('refusals')]
    public function testARefusalIsExplainedOnStandardError(string $order, array $more, string $words): void
    {
        $run = $this->runtime()->startWorkflow('three-steps', ['value' => 1])->getId();
        $this->order('cancel', $run);

        $refused = $this->order($order, $run, $more);
        self::assertSame([1, ''], [$refused->getStatusCode(), $refused->getDisplay()]);
        self::assertStringContainsString($words, $refused->getErrorOutput());
    }

    /** @param array<string, string> $more */
    private function order(string $order, string $run, array $more = []): ApplicationTester
    {
        return $this->console(['command' => 'ossa:run:'.$order, 'id' => $run] + $more);
    }
}
