<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle;

use Ossa\Runtime\Run;
use Ossa\SymfonyRuntime\Exception\LogicException;
use Ossa\Tests\Application\ApplicationTestCase;
use Ossa\Tests\Bundle\Fixture\Bindings;
use Ossa\Tests\Bundle\Fixture\Plain;
use Ossa\Tests\Bundle\Fixture\Rival;
use PHPUnit\Framework\Attributes\DataProvider;

final class HandlerBindingTest extends ApplicationTestCase
{
    private const TASK = <<<'YAML'
        apiVersion: ossa/v0.3.0
        kind: Task
        metadata: {name: %s}
        spec:
          execution: {type: idempotent}
          capabilities: [%s]
        %s
        YAML;

    public function testAStepHandlerWinsOverTheTaskAndTheTaskOverTheEntrypointAndTheEntrypointOverTheCapability(): void
    {
        $this->manifest('contested', <<<'YAML'
            apiVersion: ossa/v0.3.0
            kind: Task
            metadata: {name: contested-task}
            spec: {execution: {type: idempotent, entrypoint: acme.run}, capabilities: [contested]}
            ---
            apiVersion: ossa/v0.3.0
            kind: Task
            metadata: {name: uncontested-task}
            spec: {execution: {type: idempotent, entrypoint: acme.run}, capabilities: [contested]}
            ---
            apiVersion: ossa/v0.3.0
            kind: Task
            metadata: {name: capability-task}
            spec: {execution: {type: idempotent}, capabilities: [contested]}
            ---
            apiVersion: ossa/v0.3.0
            kind: Workflow
            metadata: {name: contested}
            spec:
              steps:
                - {id: special, kind: Task, ref: contested-task}
                - {id: ordinary, kind: Task, ref: contested-task}
                - {id: by-entrypoint, kind: Task, ref: uncontested-task}
                - {id: by-capability, kind: Task, ref: capability-task}
            YAML);
        $this->boot(services: [Bindings::class]);

        $run = $this->runtime()->startWorkflow('contested')->getId();
        $this->workUntilEnded($run, ['ossa']);

        self::assertSame(['step', 'task', 'entrypoint', 'capability'], array_column($this->runOf($run)->getSteps(), 'output'));
    }

    public function testConfigurationBindsMethodsOfServicesThatKnowNothingOfIt(): void
    {
        $this->manifest('greet', \sprintf(self::TASK, 'greet', 'greet', ''));
        $this->boot(['bindings' => ['greet' => ['service' => '@plain', 'method' => 'greet']]], defined: ['plain' => ['class' => Plain::class]]);

        $run = $this->task('greet', ['first_name' => 'Ada', 'times' => '2']);

        self::assertSame(['greeting' => 'Hello Ada! Hello Ada! '], $run->getOutput());
    }

    public function testSeveralCapabilitiesAreCalledInOrderEachWithTheOutputsBeforeIt(): void
    {
        $this->manifest('greet', \sprintf(self::TASK, 'greet', 'greet, measure', ''));
        $this->boot(['bindings' => ['greet' => 'plain::greet', 'measure' => 'plain::measure']], defined: ['plain' => ['class' => Plain::class]]);

        $run = $this->task('greet', ['firstName' => 'Ada']);

        self::assertSame(['greeting' => 'Hello Ada! ', 'length' => 11], $run->getOutput());
    }

    public function testObjectsGoInAndComeOut(): void
    {
        $this->manifest('order', \sprintf(self::TASK, 'order', 'order', ''));
        $this->boot(['bindings' => ['order' => 'plain::order']], defined: ['plain' => ['class' => Plain::class]]);

        $run = $this->task('order', ['order' => ['orderId' => 7, 'customer' => ['name' => 'Ada'], 'deliverOn' => 'sun']]);

        self::assertEquals(['orderId' => 7, 'customer' => ['name' => 'Ada'], 'deliverOn' => 'sun', 'paidAt' => null], $run->getOutput());
    }

    public function testAManifestMayNameAMethodThatIsAllowed(): void
    {
        $this->manifest('greet', \sprintf(self::TASK, 'greet', 'greet', "runtime:\n  type: symfony_messenger\n  bindings:\n    greet: {service: '@plain', method: greet}"));
        $this->boot(defined: ['plain' => ['class' => Plain::class, 'tags' => [['name' => 'ossa.capability', 'method' => 'greet']]]]);

        self::assertSame(['greeting' => 'Hello Ada! '], $this->task('greet', ['first_name' => 'Ada'])->getOutput());
    }

    public function testAManifestCannotNameAMethodThatNobodyAllowed(): void
    {
        $this->manifest('secret', \sprintf(self::TASK, 'secret', 'secret', "runtime:\n  type: symfony_messenger\n  bindings:\n    secret: {service: '@plain', method: secret}"));
        $this->boot(defined: ['plain' => ['class' => Plain::class, 'tags' => [['name' => 'ossa.capability', 'method' => 'greet']]]]);

        $error = $this->task('secret', [])->getError();

        self::assertSame('NO_HANDLER', $error['code'] ?? null);
        self::assertStringContainsString('@plain::secret', $error['message']);
    }

    public function testInputThatDoesNotFitFailsTheStepAndNamesThePlace(): void
    {
        $this->manifest('greet', \sprintf(self::TASK, 'greet', 'greet', ''));
        $this->boot(['bindings' => ['greet' => 'plain::greet']], defined: ['plain' => ['class' => Plain::class]]);

        $run = $this->task('greet', ['name' => 'Ada']);

        self::assertSame('INVALID_HANDLER_INPUT', $run->getError()['code'] ?? null);
        self::assertStringContainsString('"firstName"', $run->getError()['message']);
        self::assertSame(1, $run->getSteps()[0]['attempts'], 'another attempt would not help');
    }

    /** @return iterable<string, array{\Closure(self): mixed, list<string>}> */
    public static function unbuildable(): iterable
    {
        yield 'a capability that two services want' => [
            static fn (self $test) => $test->boot(services: [Bindings::class, Rival::class]),
            ['capability "contested"', 'bound twice', Bindings::class, Rival::class],
        ];
        yield 'a capability bound by attribute and configuration' => [
            static fn (self $test) => $test->boot(['bindings' => ['contested' => 'plain::greet']], services: [Bindings::class], defined: ['plain' => ['class' => Plain::class]]),
            ['ossa.bindings.contested'],
        ];
        yield 'a service that does not exist' => [
            static fn (self $test) => $test->boot(['bindings' => ['greet' => 'nobody::greet']]),
            ['no service "nobody"', 'ossa.bindings.greet'],
        ];
        yield 'a method that does not exist' => [
            static fn (self $test) => $test->boot(['bindings' => ['greet' => 'plain::shout']], defined: ['plain' => ['class' => Plain::class]]),
            ['no public method "shout()"', Plain::class],
        ];
        yield 'a transport that does not exist' => [
            static fn (self $test) => $test->boot(['runtime' => ['transport' => 'async']]),
            ['ossa.runtime.transport', '"async"', 'framework.messenger.transports'],
        ];
        yield 'a tag with two names' => [
            static fn (self $test) => $test->boot(defined: ['plain' => ['class' => Plain::class, 'tags' => [['name' => 'ossa.capability', 'method' => 'greet', 'task' => 'a', 'step' => 'b.c']]]]),
            ['ossa.capability', 'plain'],
        ];
    }

    /**
     * @param \Closure(self): mixed $boot
     * @param list<string>          $named
     */
    #[DataProvider('unbuildable')]
    public function testAWrongBindingStopsTheBuildOfTheContainer(\Closure $boot, array $named): void
    {
        try {
            $boot($this);
        } catch (LogicException $exception) {
            foreach ($named as $part) {
                self::assertStringContainsString($part, $exception->getMessage());
            }

            return;
        }
        self::fail('the container was built');
    }

    /** @param array<string, mixed> $input */
    private function task(string $name, array $input): Run
    {
        return $this->workUntilEnded($this->runtime()->startTask($name, $input)->getId(), ['ossa']);
    }
}
