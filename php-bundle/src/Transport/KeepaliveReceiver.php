<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Transport;

use Symfony\Component\Messenger\Transport\Receiver\KeepaliveReceiverInterface;
use Symfony\Component\Messenger\Transport\Receiver\ReceiverInterface;

// Symfony 7.2 brought the interface.
if (interface_exists(KeepaliveReceiverInterface::class)) {
    /** @internal */
    interface KeepaliveReceiver extends KeepaliveReceiverInterface
    {
    }
} else {
    /** @internal */
    interface KeepaliveReceiver extends ReceiverInterface
    {
    }
}
