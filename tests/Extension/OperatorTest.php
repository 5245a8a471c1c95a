<?php

declare(strict_types=1);

namespace Ossa\Tests\Extension;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\EngineException;
use Ossa\Tests\Extension\Support\Workbench;
use PHPUnit\Framework\Attributes\TestDox;
use PHPUnit\Framework\TestCase;

/** Runs steered by an operator. */
final class OperatorTest extends TestCase
{
    use Workbench;

    #[TestDox('A paused run hands out nothing until it is resumed')]
    public function testAPausedRunHandsOutNothingUntilItIsResumed(): void
    {
        $engine = $this->engine();
        $operator = $engine->operator('ada');
        $run = $engine->start('greet', ['name' => 'Ada'])->getId();

        self::assertSame('paused', $operator->pause($run, 'mail server down'));
        self::assertSame([], $engine->relay());
        self::assertSame('running', $operator->resume($run));
        self::assertCount(1, $engine->relay());

        $paused = array_values(array_filter(self::events($engine, $run), static fn (array $event): bool => 'run_paused' === $event['type']));
        self::assertSame(['ada', 'mail server down'], [$paused[0]['by'] ?? null, $paused[0]['reason'] ?? null]);
    }

    #[TestDox('The second of two rivals is told the run and its state')]
    public function testTheSecondOfTwoRivalsIsToldTheRunAndItsState(): void
    {
        $engine = $this->engine();
        $run = $engine->start('greet', ['name' => 'Ada'])->getId();
        self::assertSame('canceled', $engine->operator('ada')->abort($run));

        try {
            $engine->operator('bob')->pause($run);
            self::fail('A run that has ended is not paused.');
        } catch (EngineException $exception) {
            self::assertSame(['OSSA-R010', $run], [$exception->getErrorCode(), $exception->getRunId()]);
            self::assertStringContainsString('it is canceled', $exception->getMessage());
        }
        self::assertFalse($engine->operator()->cancel($run), 'there is nothing left to cancel');
    }

    #[TestDox('A run set aside is released, not resumed')]
    public function testARunSetAsideIsReleasedNotResumed(): void
    {
        $engine = $this->engine();
        $operator = $engine->operator();
        $run = $engine->start('greet', ['name' => 'Ada'])->getId();

        self::assertSame('quarantined', $operator->quarantine($run));
        try {
            $operator->resume($run);
            self::fail('A resume does not end a quarantine.');
        } catch (EngineException $exception) {
            self::assertSame('OSSA-R010', $exception->getErrorCode());
        }
        self::assertSame('running', $operator->release($run));
    }

    #[TestDox('Steps are skipped, executed and retried')]
    public function testStepsAreSkippedExecutedAndRetried(): void
    {
        $engine = $this->engine();
        $operator = $engine->operator();
        $run = $engine->start('greet', ['name' => 'Ada'])->getId();
        $operator->pause($run);

        $token = $operator->executeStep($run, 'greet');
        $claim = $engine->claim($token);
        self::assertNotNull($claim, 'a step is executed although its run is paused');
        $engine->fail($claim->getToken(), ['code' => 'BAD', 'message' => 'never', 'retryable' => false]);
        $claim = $engine->claim($operator->retryStep($run, 'greet'));
        self::assertSame(2, $claim?->getAttempt());
        self::assertSame('completed', $operator->skipStep($run, 'greet', 'not needed'));
    }

    /** @return list<array<string, mixed>> */
    private static function events(Engine $engine, string $run): array
    {
        return $engine->run($run)?->getEvents() ?? [];
    }
}
