<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle;

use Ossa\SymfonyRuntime\Message\OssaStepMessage;
use Ossa\SymfonyRuntime\Message\OssaTaskMessage;
use Ossa\SymfonyRuntime\Message\OssaWorkflowMessage;
use Ossa\Tests\Application\ApplicationTestCase;
use Ossa\Tests\Application\Handler\Workshop;
use PHPUnit\Framework\Attributes\DataProvider;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Stamp\DelayStamp;
use Symfony\Component\Messenger\Stamp\ErrorDetailsStamp;
use Symfony\Component\Messenger\Stamp\HandledStamp;
use Symfony\Component\Messenger\Transport\InMemory\InMemoryTransport;
use Symfony\Component\Messenger\Transport\Receiver\ListableReceiverInterface;

/** Runs carried out by Symfony's worker in this process, on our transport and on ones that are not ours. */
final class StepTest extends ApplicationTestCase
{
    /** @return iterable<string, array{string}> */
    public static function transports(): iterable
    {
        yield 'ossa' => ['ossa://default?queue=work'];
        yield 'in-memory' => ['in-memory://'];
        yield 'in-memory, serialized' => ['in-memory://?serialize=true'];
        yield 'Doctrine on SQLite' => ['doctrine://default?queue_name=work'];
    }

    #[DataProvider('transports')]
    public function testAWorkflowIsCarriedOutWithItsRetriesAndAllowedFailures(string $dsn): void
    {
        $this->bootOn($dsn);

        $id = $this->runtime()->startWorkflow('onboarding', ['email' => 'ada@example.org'])->getId();
        $run = $this->workUntilEnded($id, ['work']);

        self::assertSame('completed', $run->getStatus(), $this->log());
        self::assertSame(['user' => 'user-ada@example.org'], $run->getOutput());
        self::assertSame(
            ['validate' => 1, 'profile' => 1, 'verification' => 1, 'welcome' => 2, 'preferences' => 1, 'crm' => 1, 'track' => 1],
            array_column($run->getSteps(), 'attempts', 'id'),
        );
        self::assertSame('succeeded in attempt 2', $this->step($id, 'welcome')['output']);
        self::assertSame(['validate', 'profile'], array_column(\array_slice($this->effects()->all(), 0, 2), 1));
        self::assertCount(6, $this->effects()->all(), 'every step but the failing one had its effect once');
    }

    #[DataProvider('transports')]
    public function testAMessageStartsARunOnceHoweverOftenItIsDelivered(string $dsn): void
    {
        $this->bootOn($dsn);
        $message = new OssaWorkflowMessage('three-steps', ['value' => 7], correlationId: 'case-1');
        $this->bus()->dispatch($message);
        $this->bus()->dispatch($message);

        $this->workUntil(fn (): bool => [] !== $this->engine()->runs(['status' => 'completed']) && $this->isIdle(), ['work']);

        $runs = $this->engine()->runs();
        self::assertCount(1, $runs);
        self::assertSame('case-1', $runs[0]->getCorrelationId());
        self::assertSame(['value' => 7], $this->runOf($runs[0]->getId())->getOutput());
        self::assertCount(3, $this->effects()->all());
    }

    public function testHandlingAStartMessageAtOnceAnswersTheRun(): void
    {
        $this->boot(services: [Workshop::class]);
        $envelope = $this->bus()->dispatch(new Envelope(new OssaTaskMessage('echo', ['value' => 1]), [new \Symfony\Component\Messenger\Stamp\ReceivedStamp('by hand')]));

        $id = $envelope->last(HandledStamp::class)?->getResult();

        self::assertIsString($id);
        self::assertSame('echo', $this->runOf($id)->getWorkflow());
    }

    /** @return iterable<string, array{string, string, string}> */
    public static function unstartable(): iterable
    {
        foreach (['ossa://default?queue=work', 'in-memory://'] as $dsn) {
            yield 'no such manifest, '.$dsn => [$dsn, 'no-such-workflow', 'no-such-workflow'];
            yield 'input that breaks the schema, '.$dsn => [$dsn, 'onboarding', 'email'];
        }
    }

    #[DataProvider('unstartable')]
    public function testAMessageThatCannotStartARunGoesToTheFailureTransportWithItsReason(string $dsn, string $manifest, string $reason): void
    {
        $this->bootOn($dsn);
        $this->bus()->dispatch(new OssaWorkflowMessage($manifest));

        $this->workUntil(fn (): bool => [] !== $this->failed(), ['work']);

        $error = $this->failed()[0]->last(ErrorDetailsStamp::class);
        self::assertStringContainsString($reason, $error?->getExceptionMessage() ?? '');
        self::assertSame([], $this->engine()->runs());
    }

    /** @return iterable<string, array{string}> */
    public static function both(): iterable
    {
        yield 'engine keeps the timer' => ['ossa://default?queue=work'];
        yield 'Messenger keeps the timer' => ['in-memory://'];
    }

    #[DataProvider('both')]
    public function testAStepThatFailsForGoodIsInTheFailureTransportAndCanBeRetriedThere(string $dsn): void
    {
        $this->bootOn($dsn, failed: 'ossa://default?queue=failed');
        $fault = $this->folder().'/fault';
        touch($fault);
        $this->manifest('mendable', <<<'YAML'
            apiVersion: ossa/v0.3.0
            kind: Task
            metadata: {name: mend}
            spec: {execution: {type: idempotent}, capabilities: [fail_while]}
            ---
            apiVersion: ossa/v0.3.0
            kind: Workflow
            metadata: {name: mendable}
            spec:
              steps:
                - {id: broken, kind: Task, ref: mend, input: {file: "${{ workflow.input.file }}"}, retry: {max_attempts: 2, backoff_strategy: fixed, initial_delay_ms: 100}}
                - {id: after, kind: Task, ref: echo, input: {from: "${{ steps.broken.output }}"}}
              output:
                from: ${{ steps.after.output.from }}
            YAML);
        $id = $this->runtime()->startWorkflow('mendable', ['file' => $fault])->getId();

        $this->workUntil(fn (): bool => [] !== $this->failed(), ['work']);

        self::assertSame('failed', $this->runOf($id)->getStatus());
        self::assertSame(2, $this->step($id, 'broken')['attempts']);
        $envelope = $this->failed()[0];
        self::assertInstanceOf(OssaStepMessage::class, $envelope->getMessage());
        $error = $envelope->last(ErrorDetailsStamp::class)?->getExceptionMessage() ?? '';
        self::assertStringContainsString('the fault is still there', $error);
        self::assertStringContainsString($id, $error);
        self::assertStringContainsString('"broken"', $error);

        $show = $this->console(['command' => 'messenger:failed:show']);
        self::assertStringContainsString('OssaStepMessage', $show->getDisplay());
        $messageId = $this->failedId();

        $this->console(['command' => 'messenger:failed:retry', 'id' => [$messageId], '--force' => true]);
        self::assertSame(3, $this->step($id, 'broken')['attempts'], 'it was tried once more');
        self::assertCount(1, $this->failed(), 'it failed again and is still there');

        unlink($fault);
        sleep(1); // the failure transport's own delay
        $this->console(['command' => 'messenger:failed:retry', 'id' => [$this->failedId()], '--force' => true]);
        $this->workUntilEnded($id, ['work']);

        self::assertSame('completed', $this->runOf($id)->getStatus());
        self::assertSame(['from' => 'mended'], $this->runOf($id)->getOutput());
        self::assertSame([], $this->failed());
    }

    public function testMessengerWaitsAsLongAsTheManifestSays(): void
    {
        $this->bootOn('in-memory://');
        $this->manifest('patient', <<<'YAML'
            apiVersion: ossa/v0.3.0
            kind: Workflow
            metadata: {name: patient}
            spec:
              steps:
                - id: flaky
                  kind: Task
                  ref: flaky
                  input: {failures: 9}
                  retry: {max_attempts: 4, backoff_strategy: linear, initial_delay_ms: 120}
            YAML);
        $id = $this->runtime()->startWorkflow('patient')->getId();

        $this->workUntilEnded($id, ['work']);

        $transport = $this->transport('work');
        self::assertInstanceOf(InMemoryTransport::class, $transport);
        $delays = array_map(static fn (Envelope $sent): int => $sent->last(DelayStamp::class)?->getDelay() ?? 0, $transport->getSent());
        $scheduled = [];
        foreach ($this->runOf($id)->getEvents() as $event) {
            if ('step_retry_scheduled' === $event['type'] && \is_int($event['due'] ?? null)) {
                $scheduled[] = $event['due'] - $event['at'];
            }
        }
        self::assertCount(3, $scheduled);
        self::assertSame(0, array_shift($delays), 'the first message has no delay');
        self::assertCount(3, $delays);
        foreach ($delays as $number => $delay) {
            // What is left of the delay when the message is sent; Messenger's own strategy would say 1000 and more.
            self::assertLessThanOrEqual($scheduled[$number], $delay);
        }
    }

    public function testAMessageThatComesBeforeItsRetryIsDueWaitsForTheRestOfTheDelay(): void
    {
        $this->bootOn('in-memory://');
        $this->manifest('very-patient', <<<'YAML'
            apiVersion: ossa/v0.3.0
            kind: Workflow
            metadata: {name: very-patient}
            spec:
              steps:
                - {id: flaky, kind: Task, ref: flaky, input: {failures: 9}, retry: {max_attempts: 2, backoff_strategy: fixed, initial_delay_ms: 60000}}
            YAML);
        $transport = $this->transport('work');
        self::assertInstanceOf(InMemoryTransport::class, $transport);
        $id = $this->runtime()->startWorkflow('very-patient')->getId();
        $this->workUntil(static fn (): bool => 2 === \count($transport->getSent()), ['work']);

        $transport->send($transport->getSent()[0]);
        $this->workUntil(static fn (): bool => 4 === \count($transport->getSent()), ['work']);

        self::assertSame('retrying', $this->step($id, 'flaky')['status']);
        [, $retry, , $again] = array_map(static fn (Envelope $sent): int => $sent->last(DelayStamp::class)?->getDelay() ?? 0, $transport->getSent());
        self::assertGreaterThan(1000, $again, 'the delay is not that of Messenger\'s own strategy');
        self::assertLessThanOrEqual($retry, $again);
        self::assertSame([], $this->failed());
    }

    public function testAForgedTokenGoesToTheFailureTransportAndTouchesNothing(): void
    {
        $this->bootOn('in-memory://');
        $this->bus()->dispatch(new OssaStepMessage('AAAA-forged'));

        $this->workUntil(fn (): bool => [] !== $this->failed(), ['work']);

        self::assertStringContainsString('token', $this->failed()[0]->last(ErrorDetailsStamp::class)?->getExceptionMessage() ?? '');
    }

    public function testATokenOfAnotherStoreGoesToTheFailureTransport(): void
    {
        $other = \Ossa\Runtime\Engine::open('sqlite:///'.$this->folder().'/other.db', ['manifest_roots' => [\dirname(__DIR__).'/Application/manifests'], 'retry_owner' => 'host']);
        $other->start('echo', ['value' => 1]);
        $token = $other->relay()[0]->getToken();
        $other->close();
        $this->bootOn('in-memory://');
        $this->bus()->dispatch(new OssaStepMessage($token));

        $this->workUntil(fn (): bool => [] !== $this->failed(), ['work']);

        self::assertSame([], $this->effects()->all());
    }

    public function testAMessageThatCannotBeDecodedGoesToTheFailureTransportAndIsHandledOnceItCan(): void
    {
        $this->boot(
            ['runtime' => ['transport' => 'work']],
            ['failure_transport' => 'failed', 'transports' => ['work' => ['dsn' => 'ossa://default?queue=work', 'serializer' => 'messenger.transport.symfony_serializer'], 'failed' => 'in-memory://']],
            [Workshop::class],
        );
        $this->engine()->transport(['queue' => 'work'])->send('{"manifest": 7,', '{"type":"Ossa\\\\SymfonyRuntime\\\\Message\\\\OssaTaskMessage"}');

        $this->workUntil(fn (): bool => [] !== $this->failed(), ['work']);

        self::assertNotSame('', $this->failed()[0]->last(ErrorDetailsStamp::class)?->getExceptionMessage());
    }

    public function testAMessageThatNoFailureTransportTakesIsKeptAsADeadLetter(): void
    {
        $this->boot(['runtime' => ['transport' => 'work']], ['transports' => ['work' => 'ossa://default?queue=work', 'dead' => 'ossa://default?queue=work.dead']], [Workshop::class]);
        $this->bus()->dispatch(new OssaWorkflowMessage('no-such-workflow'));
        $dead = $this->transport('dead');
        self::assertInstanceOf(ListableReceiverInterface::class, $dead);

        $this->workUntil(static fn (): bool => [] !== [...$dead->all()], ['work']);

        $message = [...$dead->all()][0]->getMessage();
        self::assertInstanceOf(OssaWorkflowMessage::class, $message);
        self::assertSame('no-such-workflow', $message->getManifest());
    }

    /** @return iterable<string, array{string, string, int}> */
    public static function faults(): iterable
    {
        yield 'an exception is retried within the policy' => ['fail', 'HANDLER_ERROR', 3];
        yield 'an unrecoverable exception is not' => ['give-up', 'HANDLER_ERROR', 1];
        yield 'an error of PHP is a failure as well' => ['type-error', 'HANDLER_ERROR', 3];
        yield 'a wrong shape is not retried' => ['wrong-shape', 'INVALID_HANDLER_OUTPUT', 1];
    }

    #[DataProvider('faults')]
    public function testAFaultOfAHandlerFailsItsAttemptAndNothingElse(string $task, string $code, int $attempts): void
    {
        $this->bootOn('ossa://default?queue=work', ['retry' => ['max_attempts' => 3, 'initial_delay_ms' => 20]]);
        $bad = $this->runtime()->startTask($task)->getId();
        $good = $this->runtime()->startTask('echo', ['value' => 1])->getId();

        $this->workUntil(fn (): bool => $this->runOf($bad)->isTerminal() && $this->runOf($good)->isTerminal(), ['work']);

        self::assertSame('completed', $this->runOf($good)->getStatus());
        self::assertSame('failed', $this->runOf($bad)->getStatus());
        self::assertSame($code, $this->runOf($bad)->getError()['code'] ?? null);
        self::assertSame($attempts, $this->runOf($bad)->getSteps()[0]['attempts']);
    }

    public function testARecoverableExceptionIsRetried(): void
    {
        $this->bootOn('ossa://default?queue=work', ['retry' => ['max_attempts' => 3, 'initial_delay_ms' => 20]]);

        $run = $this->workUntilEnded($this->runtime()->startTask('ask-again')->getId(), ['work']);

        self::assertSame('now it works', $run->getOutput());
    }

    public function testOutputThatBreaksItsSchemaFailsTheStepWithThePlace(): void
    {
        $this->bootOn('in-memory://');
        $this->manifest('checked', <<<'YAML'
            apiVersion: ossa/v0.3.0
            kind: Task
            metadata: {name: checked}
            spec:
              execution: {type: idempotent}
              capabilities: [echo]
              output: {type: object, required: [total], properties: {total: {type: integer}}}
            YAML);

        $run = $this->workUntilEnded($this->runtime()->startTask('checked', ['total' => 'many'])->getId(), ['work']);
        $this->workUntil(fn (): bool => [] !== $this->failed(), ['work']);

        self::assertSame('failed', $run->getStatus());
        self::assertStringContainsString($run->getError()['code'] ?? '?', $this->failed()[0]->last(ErrorDetailsStamp::class)?->getExceptionMessage() ?? '');
    }

    /** @param array<string, mixed> $runtime */
    private function bootOn(string $dsn, array $runtime = [], string $failed = 'in-memory://'): void
    {
        $this->boot(
            ['runtime' => ['transport' => 'work'] + $runtime],
            ['failure_transport' => 'failed', 'transports' => ['work' => $dsn, 'failed' => $failed]],
            [Workshop::class],
        );
    }

    /** @return list<Envelope> */
    private function failed(): array
    {
        $transport = $this->transport('failed');

        return array_values([...($transport instanceof ListableReceiverInterface ? $transport->all() : $transport->get())]);
    }

    private function failedId(): string
    {
        $id = $this->failed()[0]->last(\Symfony\Component\Messenger\Stamp\TransportMessageIdStamp::class)?->getId();
        self::assertIsString($id);

        return $id;
    }

    /** Whether no message waits any more. */
    private function isIdle(): bool
    {
        $transport = $this->transport('work');

        return $transport instanceof \Symfony\Component\Messenger\Transport\Receiver\MessageCountAwareInterface
            ? 0 === $transport->getMessageCount()
            : [] === [...$transport->get()];
    }
}
