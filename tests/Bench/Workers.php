<?php

declare(strict_types=1);

namespace Ossa\Tests\Bench;

/** Worker processes that consume the same queue side by side. */
final readonly class Workers
{
    /** @param positive-int $count */
    public function __construct(private Variant $variant, private string $folder, private int $count = 1)
    {
    }

    /**
     * Consumes until each has done its share of the messages, or for so many seconds. What a worker of a transport that is
     * not ours did does not count when it died: two of Symfony's on one SQLite file find it locked.
     *
     * @return array{rate: float, handled: int, memory: array<int, int>} messages a second from the first's begin to the
     *                                                                   last's end; KiB of the first after so many messages
     */
    public function consume(int $messages, float $seconds): array
    {
        $processes = $pipes = [];
        for ($number = 0; $number < $this->count; ++$number) {
            $command = [\PHP_BINARY, __DIR__.'/worker/consume.php', $this->variant->name, $this->folder, (string) intdiv($messages, $this->count), (string) $seconds];
            $process = proc_open($command, [['pipe', 'r'], ['pipe', 'w']], $pipes[$number]);
            $processes[] = false !== $process ? $process : throw new \RuntimeException('A worker process does not start.');
        }
        array_walk($pipes, fn (array $pipe) => $this->line($pipe[1]));
        array_walk($pipes, static fn (array $pipe) => fwrite($pipe[0], "go\n"));
        $results = array_values(array_filter(array_map(fn (array $pipe): ?array => $this->result($pipe[1]), $pipes)));
        array_map(proc_close(...), $processes);
        if ([] === $results) {
            return ['rate' => 0.0, 'handled' => 0, 'memory' => []];
        }
        $handled = array_sum(array_column($results, 'handled'));

        return [
            'rate' => $handled / ((max(array_column($results, 'ended')) - min(array_column($results, 'began'))) / 1e9),
            'handled' => $handled,
            'memory' => $results[0]['memory'],
        ];
    }

    /** @param resource $output */
    private function line($output): string
    {
        $line = fgets($output);

        return false !== $line ? $line : throw new \RuntimeException(\sprintf('A worker of "%s" ended early.', $this->variant->name));
    }

    /**
     * @param resource $output
     *
     * @return array{handled: int, began: int, ended: int, memory: array<int, int>}|null null when it died, which one of ours may not
     */
    private function result($output): ?array
    {
        $line = $this->variant->isOurs ? $this->line($output) : fgets($output);
        if (false === $line) {
            Progress::show(\sprintf('a worker of "%s" died: what it handled does not count', $this->variant->name));

            return null;
        }
        /** @var array{handled: int, began: int, ended: int, memory: array<int, int>} $result */
        $result = json_decode($line, true, flags: \JSON_THROW_ON_ERROR);

        return $result;
    }
}
