<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Attribute;

use Ossa\SymfonyRuntime\Exception\LogicException;

/**
 * Makes a service, or one method of it, take the messages of a channel.
 *
 * On a class the listener is `__invoke()` unless `method` says otherwise; repeat the attribute for further channels. With
 * `agent` it is the handler of an agent whose manifest says what it takes.
 */
#[\Attribute(\Attribute::TARGET_CLASS | \Attribute::TARGET_METHOD | \Attribute::IS_REPEATABLE)]
final readonly class AsChannelListener
{
    /**
     * @param string|null          $channel        name of a channel, or a pattern: `security.*`, `security.#`
     * @param string|null          $name           of the listener, by which rules may send messages to it, too; made of class and method if not given. Keep it when you rename the class
     * @param string|null          $agent          the agent whose messages it takes, instead of a channel
     * @param string|null          $handler        with `agent`: only those for this handler or command of its manifest
     * @param string|null          $source         glob on who publishes
     * @param array<string, mixed> $filter         must hold of a message, as in a rule: `['severity' => ['high', 'critical']]`
     * @param string               $priority       deliveries are at least this urgent: critical, high, normal or low
     * @param string               $guarantee      at-least-once, at-most-once or exactly-once
     * @param string               $ordering       none, per-source, per-channel or global
     * @param int|null             $maxConcurrency deliveries at once, by all workers
     * @param int|null             $timeoutSeconds how long a worker has for a message before another gets it; 30 seconds if not given
     * @param Retry|null           $retry          how often a message is handled before it becomes a dead letter
     * @param Breaker|null         $breaker        when it is left alone for a while because it keeps failing; its messages wait, or go to the breaker's fallback
     * @param string|null          $transport      Messenger transport that the messages are passed on to, with its retries and its failure transport
     * @param string|null          $method         method to call, when the attribute is on the class
     */
    public function __construct(
        public ?string $channel = null,
        public ?string $name = null,
        public ?string $agent = null,
        public ?string $handler = null,
        public ?string $source = null,
        public array $filter = [],
        public string $priority = 'normal',
        public string $guarantee = 'at-least-once',
        public string $ordering = 'none',
        public ?int $maxConcurrency = null,
        public ?int $timeoutSeconds = null,
        public ?Retry $retry = null,
        public ?Breaker $breaker = null,
        public ?string $transport = null,
        public ?string $method = null,
    ) {
        if ((null === $channel) === (null === $agent)) {
            throw new LogicException('#[AsChannelListener] takes either a channel or "agent".');
        }
        if (null !== $handler && null === $agent) {
            throw new LogicException('#[AsChannelListener] takes "handler" only with "agent".');
        }
        if (null !== $breaker && null !== $transport) {
            throw new LogicException('#[AsChannelListener] takes either "breaker" or "transport": what another transport carries is handled by its own retries.');
        }
    }

    /**
     * The attribute as the tag that the container collects.
     *
     * @return array<string, mixed>
     */
    public function toTag(?string $method): array
    {
        return array_filter([
            'channel' => $this->channel,
            'name' => $this->name,
            'agent' => $this->agent,
            'handler' => $this->handler,
            'source' => $this->source,
            'filter' => [] === $this->filter ? null : $this->filter,
            'priority' => $this->priority,
            'guarantee' => $this->guarantee,
            'ordering' => $this->ordering,
            'max_concurrency' => $this->maxConcurrency,
            'timeout_ms' => null === $this->timeoutSeconds ? null : 1000 * $this->timeoutSeconds,
            'retry' => $this->retry?->toOptions(),
            'breaker' => $this->breaker?->toOptions(),
            'transport' => $this->transport,
            'method' => $method ?? $this->method,
        ], static fn (mixed $value): bool => null !== $value);
    }
}
