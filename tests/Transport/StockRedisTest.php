<?php

declare(strict_types=1);

namespace Ossa\Tests\Transport;

use Ossa\Tests\Support\TestServer;
use Symfony\Component\Messenger\Bridge\Redis\Transport\RedisTransport;
use Symfony\Component\Messenger\Transport\Receiver\KeepaliveReceiverInterface;
use Symfony\Component\Messenger\Transport\Receiver\ListableReceiverInterface;

/** Symfony's Redis transport, each receiver with a consumer name of its own, as its documentation asks for. */
final class StockRedisTest extends TransportContractTestCase
{
    protected function address(string $queue, string $receiver): array
    {
        if (!\extension_loaded('redis')) {
            self::markTestSkipped('the PHP extension "redis" is not installed');
        }

        return ['redis://127.0.0.1:'.TestServer::shared('redis')->port.'/'.$queue, ['consumer' => $receiver, 'redeliver_timeout' => 1, 'claim_interval' => 50]];
    }

    protected static function differences(): array
    {
        return [
            // It looks at the oldest message in other hands only.
            'testADeadReceiverBehindALivingOneIsNotOverlooked',
            'testAWorkerMayAskForOtherQueues',
            ...(interface_exists(KeepaliveReceiverInterface::class) ? [] : ['testAMessageThatIsKeptAliveStaysWithItsReceiver']),
            ...(is_a(RedisTransport::class, ListableReceiverInterface::class, true) ? [] : ['testMessagesCanBeListedAndFoundWithoutTakingThem', 'testAMessageThatWasFoundCanBeRemoved']),
        ];
    }
}
