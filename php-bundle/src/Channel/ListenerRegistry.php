<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Channel;

use Ossa\SymfonyRuntime\Exception\HandlerException;
use Ossa\SymfonyRuntime\Execution\Handler;
use Psr\Container\ContainerInterface;

/**
 * The listeners that were found when the container was built, by subscriber and handler.
 *
 * @internal
 */
final readonly class ListenerRegistry
{
    /**
     * @param ContainerInterface                                                                       $services  the services that listen, by id
     * @param array<string, array<string, array{service: string, method: string, transport: ?string}>> $listeners by subscriber, then by handler; '' takes what no other does
     */
    public function __construct(
        private ContainerInterface $services,
        private array $listeners,
    ) {
    }

    /** @return list<string> */
    public function subscribers(): array
    {
        return array_keys($this->listeners);
    }

    /**
     * @throws HandlerException when there is none
     */
    public function listener(string $subscriber, ?string $handler): Handler
    {
        ['service' => $service, 'method' => $method] = $this->target($subscriber, $handler);
        $callable = [$this->services->get($service), $method];
        \assert(\is_callable($callable), 'checked when the container was built');

        return new Handler($service.'::'.$method, $callable(...));
    }

    /** The Messenger transport that messages for a listener are passed on to. */
    public function transport(string $subscriber, ?string $handler): ?string
    {
        return $this->target($subscriber, $handler)['transport'];
    }

    /** @return array{service: string, method: string, transport: ?string} */
    private function target(string $subscriber, ?string $handler): array
    {
        return $this->listeners[$subscriber][$handler ?? ''] ?? $this->listeners[$subscriber]['']
            ?? throw HandlerException::noHandler(\sprintf('no listener of "%s" takes messages%s; mark one with #[AsChannelListener(agent: \'%s\'%s)]', $subscriber, null === $handler ? '' : \sprintf(' for the handler "%s"', $handler), $subscriber, null === $handler ? '' : \sprintf(', handler: \'%s\'', $handler)));
    }
}
