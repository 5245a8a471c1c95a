<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Transport;

use Ossa\Runtime\Channels;
use Ossa\Runtime\Engine;
use Ossa\SymfonyRuntime\Channel\ChannelPublisher;
use Ossa\SymfonyRuntime\Channel\ListenerRegistry;
use Symfony\Component\Messenger\Exception\InvalidArgumentException;
use Symfony\Component\Messenger\Transport\Serialization\SerializerInterface;
use Symfony\Component\Messenger\Transport\TransportFactoryInterface;

/**
 * Makes transports from `ossa-channels://default`: the messages of channels for all listeners, or with
 * `?subscribers=scanner,auditor` for these only.
 *
 * @implements TransportFactoryInterface<ChannelTransport>
 */
final readonly class ChannelTransportFactory implements TransportFactoryInterface
{
    private const SCHEME = 'ossa-channels://';

    /**
     * @param \Closure(): Engine           $engine    opened late: the container makes transports before it is known whether they are used
     * @param \Closure(): ChannelPublisher $publisher
     */
    public function __construct(
        private \Closure $engine,
        private \Closure $publisher,
        private ListenerRegistry $listeners,
        private \Closure $subscriptions,
        private WorkerTransports $worker,
    ) {
    }

    /** @param array<array-key, mixed> $options */
    public function createTransport(#[\SensitiveParameter] string $dsn, array $options, SerializerInterface $serializer): ChannelTransport
    {
        $name = $options['transport_name'] ?? '';
        unset($options['transport_name']);
        [$host, $query] = explode('?', substr($dsn, \strlen(self::SCHEME)), 2) + [1 => ''];
        parse_str($query, $given);
        $given += $options;
        if ('default' !== trim($host, '/')) {
            throw new InvalidArgumentException('The DSN of a transport for channels is "ossa-channels://default", or "ossa-channels://default?subscribers=NAME,NAME".');
        }
        $unknown = array_diff(array_keys($given), ['subscribers']);
        if ([] !== $unknown) {
            throw new InvalidArgumentException(\sprintf('Unknown option "%s" of a transport for channels; there is: "subscribers".', current($unknown)));
        }
        $wanted = $given['subscribers'] ?? [];
        $wanted = \is_string($wanted) ? explode(',', $wanted) : $wanted;
        $wanted = \is_array($wanted) ? array_values(array_filter($wanted, static fn (mixed $it): bool => \is_string($it) && '' !== $it)) : [];
        $strangers = array_diff($wanted, $this->listeners->subscribers());
        if ([] !== $strangers) {
            throw new InvalidArgumentException(\sprintf('The transport for channels names "%s", of which there is no listener; there are: %s.', current($strangers), [] === $this->listeners->subscribers() ? 'none' : implode(', ', $this->listeners->subscribers())));
        }
        $transport = new ChannelTransport(
            fn (): Channels => ($this->engine)()->channels(),
            $this->publisher,
            $this->subscriptions,
            [] === $wanted ? $this->listeners->subscribers() : $wanted,
            $this->worker,
            \is_string($name) ? $name : '',
        );
        $this->worker->add($transport);

        return $transport;
    }

    /** @param array<array-key, mixed> $options */
    public function supports(#[\SensitiveParameter] string $dsn, array $options): bool
    {
        return str_starts_with($dsn, self::SCHEME);
    }
}
