<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Message;

/**
 * Stands for a message that could not be decoded.
 *
 * One of an `ossa://` transport thus takes the way of every failed message: to the failure transport, with its reason,
 * from where it can be retried once the cause is mended. Symfony does the same by itself from 8.1 on; there this class
 * is not used.
 */
final readonly class OssaUndecodableMessage
{
    /**
     * @param string                $transport name of the transport it was read from
     * @param string                $body      base64 of the encoded body
     * @param array<string, string> $headers
     */
    public function __construct(
        private string $transport,
        private string $body,
        private array $headers,
        private string $reason,
    ) {
    }

    public function getTransport(): string
    {
        return $this->transport;
    }

    public function getBody(): string
    {
        return $this->body;
    }

    /** @return array<string, string> */
    public function getHeaders(): array
    {
        return $this->headers;
    }

    public function getReason(): string
    {
        return $this->reason;
    }
}
