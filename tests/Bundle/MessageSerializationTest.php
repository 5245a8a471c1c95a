<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle;

use Ossa\SymfonyRuntime\Message\OssaStepMessage;
use Ossa\SymfonyRuntime\Message\OssaTaskMessage;
use Ossa\SymfonyRuntime\Message\OssaUndecodableMessage;
use Ossa\SymfonyRuntime\Message\OssaWorkflowMessage;
use Ossa\SymfonyRuntime\Stamp\OssaContextStamp;
use Ossa\SymfonyRuntime\Stamp\PriorityStamp;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\TestCase;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Transport\Serialization\PhpSerializer;
use Symfony\Component\Messenger\Transport\Serialization\Serializer;
use Symfony\Component\Messenger\Transport\Serialization\SerializerInterface;

final class MessageSerializationTest extends TestCase
{
    /** @return iterable<string, array{SerializerInterface, object}> */
    public static function messages(): iterable
    {
        foreach (['PHP' => new PhpSerializer(), 'Symfony' => Serializer::create()] as $name => $serializer) {
            yield $name.', task' => [$serializer, new OssaTaskMessage('resize-image', ['file' => "räksmörgås \u{1F96A}", 'sizes' => [1, 2.5, null, true]], correlationId: 'c-1', priority: 'high')];
            yield $name.', workflow' => [$serializer, new OssaWorkflowMessage('onboarding', [], 'key-1', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')];
            yield $name.', step' => [$serializer, new OssaStepMessage('token', 'run-1', 'onboarding', 'welcome', 2)];
            yield $name.', undecodable' => [$serializer, new OssaUndecodableMessage('async', 'AA==', ['type' => 'X'], 'no such class')];
        }
    }

    #[DataProvider('messages')]
    public function testAMessageAndItsStampsSurviveTheSerializer(SerializerInterface $serializer, object $message): void
    {
        $stamps = [
            new OssaContextStamp('run-1', 'onboarding', 'welcome', 2, 'c-1', 'run-0/first#1', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 1763719200000),
            new PriorityStamp('high'),
        ];

        $decoded = $serializer->decode($serializer->encode(new Envelope($message, $stamps)));

        self::assertEquals($message, $decoded->getMessage());
        self::assertEquals($stamps, [$decoded->last(OssaContextStamp::class), $decoded->last(PriorityStamp::class)]);
    }

    public function testTheNamesUnderWhichMessagesAreSerializedStay(): void
    {
        $encode = static fn (object $message): array => Serializer::create()->encode(new Envelope($message));
        $task = $encode(new OssaTaskMessage('resize-image', ['a' => 1], 'key', 'case', 'low', 'trace'));
        $step = $encode(new OssaStepMessage('token', 'run', 'workflow', 'step', 3));

        self::assertSame('Ossa\SymfonyRuntime\Message\OssaTaskMessage', $task['headers']['type'] ?? null);
        self::assertJsonStringEqualsJsonString('{"manifest": "resize-image", "input": {"a": 1}, "idempotencyKey": "key", "correlationId": "case", "priority": "low", "traceparent": "trace"}', $task['body']);
        self::assertSame('Ossa\SymfonyRuntime\Message\OssaStepMessage', $step['headers']['type'] ?? null);
        self::assertJsonStringEqualsJsonString('{"token": "token", "runId": "run", "workflow": "workflow", "step": "step", "attempt": 3}', $step['body']);
    }

    public function testAMessageWithoutAnIdempotencyKeyMakesItsOwn(): void
    {
        self::assertNotSame((new OssaTaskMessage('a'))->getIdempotencyKey(), (new OssaTaskMessage('a'))->getIdempotencyKey());
        self::assertSame('mine', (new OssaTaskMessage('a', idempotencyKey: 'mine'))->getIdempotencyKey());
    }
}
