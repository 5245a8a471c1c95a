<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Execution;

use Ossa\Runtime\StepClaim;
use Ossa\SymfonyRuntime\Exception\HandlerException;
use Psr\Container\ContainerInterface;

/**
 * The handlers that were found when the container was built. Nothing else can be called, whatever a manifest says.
 */
final readonly class HandlerRegistry
{
    /**
     * @param ContainerInterface                   $services  the services that hold a handler, by id
     * @param array<string, array{string, string}> $bound     service id and method by `<kind>:<key>`
     * @param array<string, array{string, string}> $proposals service id and method by the `<service or class>::<method>` under which manifests may name them
     */
    public function __construct(
        private ContainerInterface $services,
        private array $bound,
        private array $proposals,
    ) {
    }

    /**
     * The handlers of an attempt, in the order in which they are to be called.
     *
     * For each call the first key that is bound wins: step, task, entrypoint, capability. What is not bound here may
     * still be named by the manifest, as entrypoint or binding, if the container allows manifests to name it.
     *
     * @return non-empty-list<Handler>
     *
     * @throws HandlerException when a call has no handler
     */
    public function handlersOf(StepClaim $claim): array
    {
        $proposed = $this->proposedBy($claim->getBindings());
        $handlers = [];
        foreach ($claim->getCalls() as $keys) {
            $handlers[] = $this->first($keys, $proposed) ?? throw HandlerException::noHandler(self::missing($claim, $keys));
        }

        return [] !== $handlers ? $handlers : throw HandlerException::noHandler(self::missing($claim, []));
    }

    /**
     * Whether a call has a handler.
     *
     * @param list<array{kind: string, key: string}>                                  $keys
     * @param list<array{capability: string, service: ?string, method: ?string, ...}> $bindings what the manifest proposes
     */
    public function has(array $keys, array $bindings): bool
    {
        return null !== $this->target($keys, $this->proposedBy($bindings));
    }

    /**
     * What is bound, for people.
     *
     * @return array<string, string> handler by key
     */
    public function describe(): array
    {
        return array_map(static fn (array $target): string => implode('::', $target).'()', $this->bound);
    }

    /**
     * @param list<array{kind: string, key: string}> $keys
     * @param array<string, array{string, string}>   $proposed
     */
    private function first(array $keys, array $proposed): ?Handler
    {
        $target = $this->target($keys, $proposed);

        return null === $target ? null : $this->handler(...$target);
    }

    /**
     * @param list<array{kind: string, key: string}> $keys
     * @param array<string, array{string, string}>   $proposed
     *
     * @return array{string, string}|null
     */
    private function target(array $keys, array $proposed): ?array
    {
        foreach ($keys as ['kind' => $kind, 'key' => $key]) {
            $target = $this->bound[$kind.':'.$key] ?? match ($kind) {
                'entrypoint' => $this->proposals[ltrim($key, '\\')] ?? null,
                'capability' => $proposed[$key] ?? null,
                default => null,
            };
            if (null !== $target) {
                return $target;
            }
        }

        return null;
    }

    private function handler(string $service, string $method): Handler
    {
        $callable = [$this->services->get($service), $method];
        \assert(\is_callable($callable), 'checked when the container was built');

        return new Handler($service.'::'.$method, $callable(...));
    }

    /**
     * The bindings of the manifest that the container allows, by capability.
     *
     * @param list<array{capability: string, service: ?string, method: ?string, ...}> $bindings
     *
     * @return array<string, array{string, string}>
     */
    private function proposedBy(array $bindings): array
    {
        $targets = [];
        foreach ($bindings as ['capability' => $capability, 'service' => $service, 'method' => $method]) {
            if (null === $service) {
                continue;
            }
            $name = ltrim($service, '@\\');
            $name = str_contains($name, '::') ? $name : $name.'::'.($method ?? '__invoke');
            if (isset($this->proposals[$name])) {
                $targets[$capability] = $this->proposals[$name];
            }
        }

        return $targets;
    }

    /** @param list<array{kind: string, key: string}> $keys */
    private static function missing(StepClaim $claim, array $keys): string
    {
        $names = array_map(static fn (array $key): string => \sprintf('%s "%s"', $key['kind'], $key['key']), $keys);
        $refused = [];
        foreach ($claim->getBindings() as ['service' => $service, 'method' => $method]) {
            if (null !== $service) {
                $refused[] = $service.(null === $method ? '' : '::'.$method);
            }
        }

        return \sprintf(
            'no handler is bound for step "%s" of "%s": looked for %s.%s Bind one with #[AsCapability] or under "ossa.bindings".',
            $claim->getStep(),
            $claim->getWorkflow(),
            [] === $names ? 'a handler by step id, since the task names neither entrypoint nor capability' : implode(', ', $names),
            [] === $refused ? '' : \sprintf(' The manifest proposes %s, which no service tagged "ossa.capability" provides.', implode(', ', array_unique($refused))),
        );
    }
}
