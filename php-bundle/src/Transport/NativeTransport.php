<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Transport;

/**
 * A transport over the engine, which can wait for its messages instead of polling.
 *
 * @internal
 */
interface NativeTransport extends CloseableTransport
{
    public function getName(): string;

    /** Whether a message could be had at once. */
    public function isReady(): bool;

    /**
     * What keeps a store or broker of its own from its promise although it works. Of the engine's store, the engine tells.
     *
     * @return list<array{found: string, risk: string, remedy: string}>
     */
    public function findings(): array;

    public function close(): void;
}
