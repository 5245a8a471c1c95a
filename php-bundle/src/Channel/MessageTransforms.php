<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Channel;

use Psr\Container\ContainerInterface;

/**
 * The transforms of message routing that are written in PHP, found when the container was built.
 *
 * @internal
 */
final readonly class MessageTransforms
{
    /**
     * @param ContainerInterface                                    $services   that transform, by id
     * @param array<string, array{service: string, method: string}> $transforms by the name of the callback
     */
    public function __construct(
        private ContainerInterface $services,
        private array $transforms,
    ) {
    }

    /** @return array<string, \Closure(string, array<mixed>, string): mixed> as the engine takes them; a service is made when it is needed */
    public function callbacks(): array
    {
        return array_map(fn (array $target): \Closure => function (string $expression, array $message, string $transform) use ($target): mixed {
            ['service' => $service, 'method' => $method] = $target;
            $callable = [$this->services->get($service), $method];
            \assert(\is_callable($callable), 'checked when the container was built');

            return $callable($expression, $message, $transform);
        }, $this->transforms);
    }
}
