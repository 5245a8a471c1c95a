<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Transport;

use Symfony\Component\Messenger\Transport\CloseableTransportInterface;

// Symfony 7.3 brought the interface.
if (interface_exists(CloseableTransportInterface::class)) {
    /** @internal */
    interface CloseableTransport extends CloseableTransportInterface
    {
    }
} else {
    /** @internal */
    interface CloseableTransport
    {
    }
}
