<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Channel;

use Ossa\Runtime\ChannelDelivery;
use Ossa\SymfonyRuntime\Message\OssaChannelMessage;

/**
 * Makes the message that listeners get of a delivery.
 *
 * @internal
 */
final class DeliveredMessage
{
    public static function of(ChannelDelivery $delivery): OssaChannelMessage
    {
        $payload = $delivery->getPayload();
        $metadata = $delivery->getEnvelope()['metadata'] ?? [];
        $headers = \is_array($metadata) ? $metadata['headers'] ?? [] : [];

        return new OssaChannelMessage(
            $delivery->getChannel(),
            \is_array($payload) ? $payload : ['value' => $payload],
            $delivery->getMessageId(),
            $delivery->getSource(),
            $delivery->getType(),
            $delivery->getPriority(),
            null,
            $delivery->getCorrelationId(),
            $delivery->getReplyTo(),
            $delivery->getTraceparent(),
            \is_array($headers) ? array_filter($headers, is_string(...), \ARRAY_FILTER_USE_KEY) : [],
        );
    }
}
