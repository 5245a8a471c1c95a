<?php

declare(strict_types=1);

namespace Ossa\Tests\Support;

/** What {@see TcpProxy} runs in a process of its own. An order comes as a line and holds for a while: see proxy.php. */
final class ProxyLoop
{
    private const LONGEST_WAIT = 60.0;

    /** @var resource|null null = connections are refused */
    private $listener;
    public readonly string $address;
    /** @var array<int, array{ProxyWay, ProxyWay}> there and back */
    private array $connections = [];
    private string $order = '';
    private float $until = \INF;
    private float $delay = 0.0;

    /** @param resource $orders */
    public function __construct(private readonly int $server, private readonly mixed $orders)
    {
        $this->listener = self::listen('127.0.0.1:0');
        $this->address = (string) stream_socket_get_name($this->listener, false);
        stream_set_blocking($orders, false);
    }

    /** Until there can be no more orders. */
    public function run(): void
    {
        while (!feof($this->orders)) {
            $now = microtime(true);
            if ($now >= $this->until) {
                [$this->order, $this->until, $this->delay] = ['', \INF, 0.0];
            }
            $this->openOrCut();
            [$read, $write, $wake] = $this->awaited($now);
            $except = null;
            $microseconds = (int) ceil(max(0, $wake - $now) * 1e6);
            if (false === @stream_select($read, $write, $except, intdiv($microseconds, 1_000_000), $microseconds % 1_000_000)) {
                continue;
            }
            if (\in_array($this->orders, $read, true)) {
                $this->obey();
                // Nothing more passes by the order before.
                continue;
            }
            if (null !== $this->listener && \in_array($this->listener, $read, true)) {
                $this->accept($this->listener);
            }
            if ('stall' !== $this->order) {
                $this->pass($read);
            }
        }
    }

    private function obey(): void
    {
        $line = fgets($this->orders);
        if (false !== $line) {
            [$this->order, $for, $by] = explode(' ', trim($line)) + ['', '0', '0'];
            [$this->until, $this->delay] = [microtime(true) + (int) $for / 1000, (int) $by / 1000];
        }
    }

    private function openOrCut(): void
    {
        if ('cut' !== $this->order) {
            $this->listener ??= self::listen($this->address);
        } elseif (null !== $this->listener) {
            fclose($this->listener);
            $this->listener = null;
            array_map($this->end(...), array_keys($this->connections));
        }
    }

    /** @return array{list<resource>, list<resource>, float} what to read, what to write, and how long to wait for it at most */
    private function awaited(float $now): array
    {
        [$read, $write, $wake] = [[$this->orders], [], min($this->until, $now + self::LONGEST_WAIT)];
        if ('stall' === $this->order) {
            return [$read, $write, $wake];
        }
        if (null !== $this->listener) {
            $read[] = $this->listener;
        }
        foreach (array_merge(...$this->connections) as $way) {
            if ($way->takesMore()) {
                $read[] = $way->from;
            }
            $arrival = $way->arrival();
            if (null !== $arrival && $arrival <= $now) {
                $write[] = $way->to;
            } elseif (null !== $arrival) {
                $wake = min($wake, $arrival);
            }
        }

        return [$read, $write, $wake];
    }

    /** @param resource $listener */
    private function accept($listener): void
    {
        $client = @stream_socket_accept($listener, 0);
        if (false === $client) {
            return;
        }
        $server = @stream_socket_client('tcp://127.0.0.1:'.$this->server, timeout: 1);
        if (false === $server) {
            fclose($client);

            return;
        }
        stream_set_blocking($client, false);
        stream_set_blocking($server, false);
        $this->connections[(int) $client] = [new ProxyWay($client, $server), new ProxyWay($server, $client)];
    }

    /** @param array<resource> $ready */
    private function pass(array $ready): void
    {
        foreach ($this->connections as $number => $ways) {
            $goesOn = true;
            foreach ($ways as $way) {
                if (\in_array($way->from, $ready, true)) {
                    $way->take(microtime(true) + $this->delay);
                }
                $goesOn = $way->deliver(microtime(true)) && $goesOn;
            }
            if (!$goesOn) {
                $this->end($number);
            }
        }
    }

    private function end(int $number): void
    {
        fclose($this->connections[$number][0]->from);
        fclose($this->connections[$number][0]->to);
        unset($this->connections[$number]);
    }

    /** @return resource */
    private static function listen(string $address)
    {
        $listener = stream_socket_server('tcp://'.$address, $code, $message);

        return false === $listener ? throw new \RuntimeException((string) $message) : $listener;
    }
}
