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
     * Consumes until each has done its share of the messages, or for so many seconds.
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
        $results = array_map(fn (array $pipe): array => $this->result($this->line($pipe[1])), array_values($pipes));
        array_map(proc_close(...), $processes);
        $handled = array_sum(array_column($results, 'handled'));

        return [
            'rate' => $handled / ((max(0, ...array_column($results, 'ended')) - min(\PHP_INT_MAX, ...array_column($results, 'began'))) / 1e9),
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

    /** @return array{handled: int, began: int, ended: int, memory: array<int, int>} */
    private function result(string $line): array
    {
        /** @var array{handled: int, began: int, ended: int, memory: array<int, int>} $result */
        $result = json_decode($line, true, flags: \JSON_THROW_ON_ERROR);

        return $result;
    }
}
