<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Drain;

use Psr\Container\ContainerInterface;
use Symfony\Component\Messenger\Exception\InvalidArgumentException;
use Symfony\Component\Messenger\Transport\Serialization\SerializerInterface;
use Symfony\Component\Messenger\Transport\TransportFactoryInterface;
use Symfony\Component\Messenger\Transport\TransportInterface;

/**
 * The transports of the application, opened a second time so that they hand messages out without decoding them.
 *
 * @internal
 */
final readonly class ConfiguredTransports
{
    /**
     * @param TransportFactoryInterface<TransportInterface>                       $factory
     * @param array<string, array{dsn: string, options: array<array-key, mixed>}> $transports  by name
     * @param ContainerInterface                                                  $serializers by name of the transport
     */
    public function __construct(
        private TransportFactoryInterface $factory,
        #[\SensitiveParameter] private array $transports,
        private ContainerInterface $serializers,
    ) {
    }

    /** @return list<string> */
    public function names(): array
    {
        return array_keys($this->transports);
    }

    public function open(string $name): TransportInterface
    {
        ['dsn' => $dsn, 'options' => $options] = $this->configuration($name);

        return $this->factory->createTransport($dsn, $options, new OpaqueSerializer());
    }

    /** Whether the two are the same queue, as far as their configuration tells. */
    public function areSame(string $one, string $other): bool
    {
        $of = fn (string $name): array => array_replace_recursive($this->configuration($name), ['options' => ['transport_name' => '']]);

        return $of($one) === $of($other);
    }

    public function isSync(string $name): bool
    {
        return str_starts_with($this->configuration($name)['dsn'], 'sync://');
    }

    public function serializer(string $name): SerializerInterface
    {
        $serializer = $this->serializers->get($name);
        \assert($serializer instanceof SerializerInterface);

        return $serializer;
    }

    /** @return array{dsn: string, options: array<array-key, mixed>} */
    private function configuration(string $name): array
    {
        return $this->transports[$name] ?? throw new InvalidArgumentException(\sprintf('There is no transport "%s"; there are: %s.', $name, implode(', ', $this->names())));
    }
}
