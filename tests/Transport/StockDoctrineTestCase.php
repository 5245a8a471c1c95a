<?php

declare(strict_types=1);

namespace Ossa\Tests\Transport;

use Symfony\Component\Messenger\Transport\Receiver\KeepaliveReceiverInterface;

abstract class StockDoctrineTestCase extends TransportContractTestCase
{
    /** Its columns hold whole seconds. */
    protected const RESOLUTION_MS = 1000;

    protected static function differences(): array
    {
        return [
            'testAWorkerMayAskForOtherQueues',
            // Before it can keep messages alive, what takes longer than the timeout is handed to another receiver.
            ...(interface_exists(KeepaliveReceiverInterface::class) ? [] : ['testAMessageThatIsKeptAliveStaysWithItsReceiver', 'testADeadReceiverBehindALivingOneIsNotOverlooked']),
        ];
    }
}
