<?php

declare(strict_types=1);

namespace Ossa\Tests\Support;

use PHPUnit\Framework\Assert;

/** A network that fails when it is told to, between clients and a server on this machine; gone with this object. */
final class TcpProxy
{
    /** @var resource|null */
    private $process;
    /** @var resource */
    private $orders;

    /** Where clients connect to, on 127.0.0.1. */
    public readonly int $port;

    private function __construct(int $server)
    {
        $process = proc_open([\PHP_BINARY, '-n', __DIR__.'/proxy.php', (string) $server], [['pipe', 'r'], ['pipe', 'w'], \STDERR], $pipes);
        Assert::assertIsResource($process, 'the proxy runs');
        $this->process = $process;
        [$this->orders, $output] = $pipes;
        $this->port = (int) fgets($output);
        fclose($output);
        Assert::assertGreaterThan(0, $this->port, 'the proxy has a port');
    }

    public static function to(int $port): self
    {
        return new self($port);
    }

    /** Ends all connections and refuses new ones for so long. */
    public function cut(int $milliseconds): void
    {
        $this->order('cut', $milliseconds);
    }

    /** Has nothing arrive for so long, without telling anybody; then all of it does. */
    public function stall(int $milliseconds): void
    {
        $this->order('stall', $milliseconds);
    }

    /** Has everything arrive that much later, in both directions, for so long. */
    public function delay(int $milliseconds, int $by): void
    {
        $this->order('delay', $milliseconds, $by);
    }

    public function stop(): void
    {
        if (null === $this->process) {
            return;
        }
        fclose($this->orders);
        proc_close($this->process);
        $this->process = null;
    }

    public function __destruct()
    {
        $this->stop();
    }

    private function order(string $order, int ...$numbers): void
    {
        fwrite($this->orders, implode(' ', [$order, ...$numbers])."\n");
    }
}
