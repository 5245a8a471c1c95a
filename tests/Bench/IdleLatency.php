<?php

declare(strict_types=1);

namespace Ossa\Tests\Bench;

use Symfony\Component\Messenger\Envelope;

/**
 * How long a message waits when the worker, another process with Symfony's default options, has nothing to do.
 */
final readonly class IdleLatency
{
    /**
     * @param positive-int $samples
     */
    public function __construct(private int $samples)
    {
    }

    /**
     * @return array{waited: list<float>, sending: list<float>} milliseconds from before the send until inside the handler, and those that the send
     *                                                          itself took
     */
    public function measure(Variant $variant): array
    {
        Progress::show('idle: '.$variant->name);
        $folder = new TemporaryFolder();
        $transport = ($variant->open)($folder->path);
        // The first message shows that the worker is up; it is not counted.
        $transport->send(new Envelope(new BenchMessage(0, microtime(true))));
        $worker = proc_open([\PHP_BINARY, __DIR__.'/worker/idle.php', $variant->name, $folder->path, (string) ($this->samples + 1)], [1 => ['pipe', 'w']], $pipes);
        if (false === $worker) {
            throw new \RuntimeException('The worker process does not start.');
        }
        try {
            $this->latency($pipes[1]);
            $waited = $sending = [];
            for ($i = 1; $i <= $this->samples; ++$i) {
                // Off any rhythm of polling.
                usleep(random_int(50_000, 1_100_000));
                $began = microtime(true);
                $transport->send(new Envelope(new BenchMessage($i, $began)));
                $sending[] = (microtime(true) - $began) * 1e3;
                $waited[] = $this->latency($pipes[1]);
            }

            return ['waited' => $waited, 'sending' => $sending];
        } finally {
            proc_terminate($worker);
            proc_close($worker);
        }
    }

    /**
     * @param resource $output
     */
    private function latency($output): float
    {
        $line = fgets($output);
        if (false === $line || !is_numeric(trim($line))) {
            throw new \RuntimeException('The worker ended early: '.$line.stream_get_contents($output));
        }

        return (float) $line;
    }
}
