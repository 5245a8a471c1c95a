<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Transport;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\Runtime\Transport;
use Symfony\Component\Messenger\Exception\InvalidArgumentException;
use Symfony\Component\Messenger\Transport\Serialization\SerializerInterface;
use Symfony\Component\Messenger\Transport\TransportFactoryInterface;

/**
 * Makes transports from `ossa://default?queue=NAME`, a queue of the engine's own store, and from `ossa+redis://HOST` and
 * the like, a queue of another one. Transports with the same store share its connections.
 *
 * @implements TransportFactoryInterface<OssaTransport>
 */
final class OssaTransportFactory implements TransportFactoryInterface
{
    /** @var array<string, Engine> by hash of their DSN */
    private array $stores = [];

    /** @param \Closure(): Engine $engine opened late: the container makes transports before it is known whether they are used */
    public function __construct(
        private readonly \Closure $engine,
        private readonly WorkerTransports $worker,
        private readonly SendBatch $batch = new SendBatch(),
        private readonly int $leaseSeconds = 30,
    ) {
    }

    /** @param array<array-key, mixed> $options */
    public function createTransport(#[\SensitiveParameter] string $dsn, array $options, SerializerInterface $serializer): OssaTransport
    {
        $name = $options['transport_name'] ?? '';
        unset($options['transport_name']);
        $name = \is_string($name) ? $name : '';
        $parsed = OssaDsn::parse($dsn, $options);
        self::check($name, $parsed->getStore());
        // A broker keeps no runs; what it cannot take for now goes to the engine's own store.
        $engine = null === $parsed->getStore() || $parsed->isBroker ? $this->engine : fn (): Engine => $this->store($parsed->getStore());
        $class = $parsed->isBroker ? OssaTransport::class : ListableOssaTransport::class;
        $transport = new $class($engine, $parsed, $serializer, $this->worker, $this->batch, $name);
        $this->worker->add($transport);

        return $transport;
    }

    /** @param array<array-key, mixed> $options */
    public function supports(#[\SensitiveParameter] string $dsn, array $options): bool
    {
        return OssaDsn::supports($dsn);
    }

    /** Tells before the first message what is wrong with a DSN. Whether its server answers is found out when it is used. */
    private static function check(string $name, #[\SensitiveParameter] ?string $store): void
    {
        if (null === $store) {
            return;
        }
        try {
            Transport::check($store);
        } catch (EngineException $exception) {
            throw new InvalidArgumentException(\sprintf('The DSN of the transport "%s" cannot be used: %s', $name, $exception->getMessage()), 0, $exception);
        }
    }

    private function store(#[\SensitiveParameter] string $dsn): Engine
    {
        return $this->stores[hash('xxh3', $dsn)] ??= Engine::open($dsn, ['lease_seconds' => $this->leaseSeconds]);
    }
}
