<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Attribute;

use Ossa\SymfonyRuntime\Exception\LogicException;

/**
 * Makes a service, or one method of it, the handler of a capability, or of one task, step or entrypoint of a manifest.
 *
 * On a class the handler is `__invoke()` unless `method` says otherwise. Exactly one of the four names is given;
 * repeat the attribute to bind a handler under several names. A handler bound this way is also one that manifests may
 * name in their own bindings.
 */
#[\Attribute(\Attribute::TARGET_CLASS | \Attribute::TARGET_METHOD | \Attribute::IS_REPEATABLE)]
final readonly class AsCapability
{
    /**
     * @param string|null  $name       capability, as in `spec.capabilities`
     * @param string|null  $task       task, by its `metadata.name`
     * @param string|null  $step       one step of one workflow: `<workflow>.<step id>`
     * @param string|null  $entrypoint entrypoint of a task, as it stands in the manifest
     * @param string|null  $method     method to call, when the attribute is on the class
     * @param Retry|null   $retry      how often it is tried where no manifest says so
     * @param Breaker|null $breaker    when it is left alone for a while because it keeps failing
     */
    public function __construct(
        public ?string $name = null,
        public ?string $task = null,
        public ?string $step = null,
        public ?string $entrypoint = null,
        public ?string $method = null,
        public ?Retry $retry = null,
        public ?Breaker $breaker = null,
    ) {
        $names = array_filter([$name, $task, $step, $entrypoint], static fn (?string $value): bool => null !== $value && '' !== $value);
        if (1 !== \count($names)) {
            throw new LogicException('#[AsCapability] takes exactly one of: a capability name, "task", "step", "entrypoint".');
        }
    }

    /**
     * The attribute as the tag that the container collects.
     *
     * @return array<string, string|array<string, int|float|string>>
     */
    public function toTag(?string $method): array
    {
        return array_filter([
            'capability' => $this->name,
            'task' => $this->task,
            'step' => $this->step,
            'entrypoint' => $this->entrypoint,
            'method' => $method ?? $this->method,
            'retry' => $this->retry?->toOptions(),
            'breaker' => $this->breaker?->toOptions(),
        ], static fn (mixed $value): bool => null !== $value);
    }
}
