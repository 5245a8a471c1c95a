<?php

declare(strict_types=1);

namespace Ossa\Tests\Transport;

use Ossa\Runtime\Engine;
use Ossa\Tests\Support\TestServer;
use Ossa\Tests\Support\Transports;
use Symfony\Component\Messenger\Exception\TransportException;

/** `ossa+amqp://`, a message broker. */
final class OssaAmqpTest extends OssaContractTestCase
{
    protected function address(string $queue, string $receiver): array
    {
        return ['ossa+'.TestServer::shared('rabbitmq')->dsn.'?queue='.$queue, []];
    }

    protected static function differences(): array
    {
        // A broker shows no messages without handing them out.
        return [
            'testMessagesCanBeListedAndFoundWithoutTakingThem',
            'testAMessageThatWasFoundCanBeRemoved',
        ];
    }

    public function testWhatIsSentWhileTheBrokerIsAwayWaitsInTheEnginesStore(): void
    {
        $store = 'sqlite://'.$this->folder().'/ossa.db';
        $transport = Transports::open('ossa+amqp://127.0.0.1:1?queue=mails', ['store' => $store]);
        $transport->send(self::letter('kept'));

        self::assertSame(1, Engine::open($store)->transport(['queue' => 'mails.fallback'])->count());
    }

    public function testWithoutAFallbackAnAbsentBrokerIsAnError(): void
    {
        $transport = Transports::open('ossa+amqp://app:hunter2@127.0.0.1:1?fallback=off');

        try {
            $transport->send(self::letter('lost?'));
            self::fail('nobody took it');
        } catch (TransportException $exception) {
            self::assertStringContainsString('127.0.0.1:1', $exception->getMessage());
            self::assertStringNotContainsString('hunter2', (string) $exception);
        }
    }
}
