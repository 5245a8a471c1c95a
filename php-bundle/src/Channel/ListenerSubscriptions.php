<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Channel;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;

/**
 * Tells the engine of the listeners that were found when the container was built, once a process and only when they are
 * others than it knows.
 *
 * @internal
 */
final class ListenerSubscriptions
{
    private const NAMESPACE = 'ossa.symfony';
    private const KEY = 'listeners';

    private bool $registered = false;

    /** @param list<array<string, mixed>> $subscribers as the engine takes them */
    public function __construct(
        private readonly Engine $engine,
        private readonly array $subscribers,
    ) {
    }

    /** @throws EngineException */
    public function register(): void
    {
        if ($this->registered) {
            return;
        }
        $values = $this->engine->keyValue(self::NAMESPACE);
        $known = $values->get(self::KEY);
        $known = \is_array($known) ? $known : [];
        $hash = hash('xxh128', serialize($this->subscribers));
        if (($known['hash'] ?? null) !== $hash) {
            $this->change(\is_array($known['names'] ?? null) ? $known['names'] : []);
            $values->set(self::KEY, ['hash' => $hash, 'names' => array_column($this->subscribers, 'name')]);
        }
        $this->registered = true;
    }

    /** @param array<mixed> $known names of those that were registered before */
    private function change(array $known): void
    {
        $channels = $this->engine->channels();
        foreach ($this->subscribers as $subscriber) {
            $channels->subscribe($subscriber);
        }
        foreach (array_diff(array_filter($known, is_string(...)), array_column($this->subscribers, 'name')) as $gone) {
            // What is in its queue stays, for when it comes back.
            $channels->unsubscribe($gone);
        }
    }
}
