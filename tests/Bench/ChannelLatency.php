<?php

declare(strict_types=1);

namespace Ossa\Tests\Bench;

use Ossa\Runtime\Engine;

/** How long a message of a channel takes to who listens in another process that has nothing else to do. */
final readonly class ChannelLatency
{
    /** @param positive-int $samples */
    public function __construct(private int $samples)
    {
    }

    /** @return array{took: list<float>, publishing: list<float>} milliseconds from before the publish until inside the handler, and those of the publish itself */
    public function measure(string $dsn): array
    {
        $engine = Engine::open($dsn);
        $channels = $engine->channels();
        $channels->subscribe(['name' => 'listener', 'subscriptions' => [['channel' => 'bench.*']]]);
        $worker = proc_open([\PHP_BINARY, __DIR__.'/worker/listener.php', $dsn, (string) (1 + $this->samples)], [1 => ['pipe', 'w']], $pipes);
        if (false === $worker) {
            throw new \RuntimeException('The worker process does not start.');
        }
        try {
            $took = $publishing = [];
            for ($i = 0; $i <= $this->samples; ++$i) {
                // Off any rhythm of polling.
                usleep(random_int(20_000, 300_000));
                $began = microtime(true);
                $channels->publish('bench.idle', ['sent_at' => $began], 'bench');
                $published = (microtime(true) - $began) * 1e3;
                $line = fgets($pipes[1]);
                if (false === $line || !is_numeric(trim($line))) {
                    throw new \RuntimeException('The worker ended early: '.$line.stream_get_contents($pipes[1]));
                }
                // The first one shows that the worker is up.
                if ($i > 0) {
                    $took[] = (float) $line;
                    $publishing[] = $published;
                }
            }

            return ['took' => $took, 'publishing' => $publishing];
        } finally {
            proc_terminate($worker);
            proc_close($worker);
            $engine->close();
        }
    }
}
