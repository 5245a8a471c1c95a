<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Transport;

use Symfony\Component\Messenger\Exception\TransportException;

/**
 * The native transports of this process, and which of them may wait for messages.
 *
 * A worker asks its receivers one after the other, so one that waits delays the others. It therefore waits in one of them
 * only, the last native one, and only where nobody is kept waiting: when it is the last of all, or when the round before
 * found all of them empty. Then Messenger would sleep for a second anyway; we wake up when something arrives on any
 * native transport instead.
 */
final class WorkerTransports
{
    private const WAIT_MS = 1000;
    /** How long to wait in one go while others are watched too. */
    private const SLICE_MS = 20;

    /** @var array<string, NativeTransport> by name */
    private array $transports = [];
    /** @var list<string> receivers of the running worker, in the order in which it asks them */
    private array $order = [];
    private bool $idle = false;

    public function add(NativeTransport $transport): void
    {
        $this->transports[$transport->getName()] = $transport;
    }

    /** @param list<string> $receivers in the order in which the worker asks them */
    public function workerStarted(array $receivers): void
    {
        $this->order = $receivers;
        $this->idle = false;
    }

    public function workerRan(bool $idle): void
    {
        $this->idle = $idle;
    }

    /**
     * What keeps the stores and brokers of the running worker's transports from their promise. Of one that cannot be asked
     * now, the worker tells.
     *
     * @return iterable<string, array{found: string, risk: string, remedy: string}> by name of the transport
     */
    public function findings(): iterable
    {
        foreach ($this->inWorker() as $transport) {
            try {
                foreach ($transport->findings() as $finding) {
                    yield $transport->getName() => $finding;
                }
            } catch (TransportException) {
            }
        }
    }

    /** Gives back what was taken and not handed out, and writes out what was acknowledged. */
    public function workerStopped(): void
    {
        $this->order = [];
        foreach ($this->transports as $transport) {
            $transport->close();
        }
    }

    /**
     * Waits for the next message of a transport, if it may, until another native transport has one.
     *
     * @template T of object
     *
     * @param \Closure(int $waitMs): ?T $receive
     * @param bool                      $inOneGo whether nothing else of the transport is to be watched meanwhile
     *
     * @return T|null
     */
    public function await(NativeTransport $transport, \Closure $receive, bool $inOneGo = true): ?object
    {
        $wait = $this->waitFor($transport);
        $siblings = array_filter($this->inWorker(), static fn (NativeTransport $other): bool => $other !== $transport);
        $slice = $inOneGo && [] === $siblings ? $wait : self::SLICE_MS;
        for ($waited = 0; $waited < $wait; $waited += $slice) {
            $received = $receive($slice);
            if (null !== $received) {
                return $received;
            }
            foreach ($siblings as $sibling) {
                if ($sibling->isReady()) {
                    return null;
                }
            }
        }

        return null;
    }

    /** For how many milliseconds a transport may wait for its next message. */
    public function waitFor(NativeTransport $transport): int
    {
        $native = $this->inWorker();
        if ($transport !== end($native)) {
            return 0;
        }

        return $this->idle || end($this->order) === $transport->getName() ? self::WAIT_MS : 0;
    }

    /** @return list<NativeTransport> */
    private function inWorker(): array
    {
        return array_values(array_filter(array_map(fn (string $name): ?NativeTransport => $this->transports[$name] ?? null, $this->order)));
    }
}
