<?php

declare(strict_types=1);

namespace Ossa\Tests\Transport;

use Ossa\Tests\Support\TestServer;

/** Symfony's AMQP transport. */
final class StockAmqpTest extends TransportContractTestCase
{
    protected function address(string $queue, string $receiver): array
    {
        if (!\extension_loaded('amqp')) {
            self::markTestSkipped('the PHP extension "amqp" is not installed');
        }
        // It reads none but the queues it was configured with.
        $first = str_replace(self::OTHER, '', $queue);
        $queues = array_map(static fn (string $name): array => ['binding_keys' => [$name]], array_combine($names = [$first, $first.self::OTHER], $names));

        return [TestServer::shared('rabbitmq')->dsn, ['exchange' => ['name' => $first, 'type' => 'direct', 'default_publish_routing_key' => $queue], 'queues' => $queues]];
    }

    protected static function differences(): array
    {
        return [
            'testTheIdOfASentMessageIsTheOneItArrivesWith',
            'testMessagesCanBeListedAndFoundWithoutTakingThem',
            'testAMessageThatWasFoundCanBeRemoved',
        ];
    }
}
