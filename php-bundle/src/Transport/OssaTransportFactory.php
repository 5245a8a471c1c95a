<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Transport;

use Ossa\Runtime\Engine;
use Symfony\Component\Messenger\Transport\Serialization\SerializerInterface;
use Symfony\Component\Messenger\Transport\TransportFactoryInterface;

/**
 * Makes transports from `ossa://default?queue=NAME`: a queue of the engine's own store.
 *
 * @implements TransportFactoryInterface<OssaTransport>
 */
final readonly class OssaTransportFactory implements TransportFactoryInterface
{
    /** @param \Closure(): Engine $engine opened late: the container makes transports before it is known whether they are used */
    public function __construct(
        private \Closure $engine,
        private WorkerTransports $worker,
    ) {
    }

    /** @param array<array-key, mixed> $options */
    public function createTransport(#[\SensitiveParameter] string $dsn, array $options, SerializerInterface $serializer): OssaTransport
    {
        $name = $options['transport_name'] ?? '';
        unset($options['transport_name']);
        $transport = new OssaTransport($this->engine, OssaDsn::parse($dsn, $options), $serializer, $this->worker, \is_string($name) ? $name : '');
        $this->worker->add($transport);

        return $transport;
    }

    /** @param array<array-key, mixed> $options */
    public function supports(#[\SensitiveParameter] string $dsn, array $options): bool
    {
        return OssaDsn::supports($dsn);
    }
}
