<?php

declare(strict_types=1);

namespace Ossa\Tests\Bench;

/** A server as if it were farther away: a proxy that holds back each packet, both ways, for as long as this object lives. */
final class DelayedServer
{
    /** Of the server, by way of the proxy. */
    public readonly string $dsn;

    /** @var resource */
    private $process;

    public function __construct(string $dsn, int $microseconds)
    {
        $port = parse_url($dsn, \PHP_URL_PORT);
        $process = proc_open([\PHP_BINARY, __DIR__.'/worker/delay.php', (string) $port, (string) $microseconds], [['pipe', 'r'], ['pipe', 'w']], $pipes);
        $this->process = false !== $process ? $process : throw new \RuntimeException('The proxy does not start.');
        $this->dsn = str_replace(':'.$port, ':'.trim((string) fgets($pipes[1])), $dsn);
    }

    public function __destruct()
    {
        proc_terminate($this->process);
        proc_close($this->process);
    }
}
