<?php

declare(strict_types=1);

namespace Ossa\Tests\Chaos;

/**
 * What was sent and confirmed, and what handlers wrote down of it, apart from the backend that is tried.
 */
final class History
{
    private const STEPS = ['first', 'second', 'third'];

    private int $offset = 0;
    /** @var array<int, true> by number */
    private array $confirmed = [];
    /** @var array<string, true> by id */
    private array $runs = [];
    /** @var array<int, array<int, non-empty-list<array{pid: int, at: int}>>> who handled a letter, and when, by number and copy */
    private array $handled = [];
    /** @var array<string, array<string, int>> how often each step had its effect, by run, in the order of their first ones */
    private array $steps = [];
    private int $last = 0;

    /** @param string $file as written by {@see LetterHandler} and by the steps of the runs */
    public function __construct(private readonly string $file)
    {
    }

    public function confirm(int $number): void
    {
        $this->confirmed[$number] = true;
    }

    public function began(string $run): void
    {
        $this->runs[$run] = true;
    }

    /** Reads what was written since the last time. */
    public function read(): void
    {
        $text = is_file($this->file) ? (string) file_get_contents($this->file, offset: $this->offset) : '';
        // The last line may not be whole yet.
        $text = substr($text, 0, (int) strrpos("\n".$text, "\n"));
        $this->offset += \strlen($text);
        foreach (array_filter(explode("\n", $text), static fn (string $line): bool => '' !== $line) as $line) {
            $fields = explode("\t", $line);
            if ('letter' === $fields[0]) {
                $this->last = (int) $fields[4];
                $this->handled[(int) $fields[1]][(int) $fields[2]][] = ['pid' => (int) $fields[3], 'at' => $this->last];
            } else {
                $this->steps[$fields[0]][$fields[1]] = ($this->steps[$fields[0]][$fields[1]] ?? 0) + 1;
            }
        }
    }

    /** When a letter was last handled, in nanoseconds; 0 = never. */
    public function last(): int
    {
        return $this->last;
    }

    /** @return list<int> who handled letters from this number on; the same may be named more than once */
    public function workersSince(int $number): array
    {
        $workers = [];
        foreach ($this->handled as $letter => $copies) {
            if ($letter >= $number) {
                foreach ($copies as $times) {
                    array_push($workers, ...array_column($times, 'pid'));
                }
            }
        }

        return $workers;
    }

    /** How many letters were handled from this number on. */
    public function countSince(int $number): int
    {
        return \count(array_filter(array_keys($this->handled), static fn (int $letter): bool => $letter >= $number));
    }

    /** @return list<int> letters that were confirmed and that nobody has handled */
    public function missing(): array
    {
        return array_keys(array_diff_key($this->confirmed, $this->handled));
    }

    /** @return list<string> runs that were begun and have not had all their effects */
    public function unfinished(): array
    {
        return array_keys(array_filter($this->runs, fn (string $run): bool => \count($this->steps[$run] ?? []) < \count(self::STEPS), \ARRAY_FILTER_USE_KEY));
    }

    /** @return list<string> runs in which a step had its first effect before that of the step it follows */
    public function disordered(): array
    {
        return array_keys(array_filter($this->steps, static fn (array $steps): bool => array_keys($steps) !== \array_slice(self::STEPS, 0, \count($steps))));
    }

    /** How often a letter that was sent once was handled once more, and a step had its effect once more. */
    public function repeated(): int
    {
        return $this->repetitions(null) + array_sum(array_map(static fn (array $steps): int => array_sum($steps) - \count($steps), $this->steps));
    }

    /** How many of the letters that this worker handled were handled once more afterwards. */
    public function repeatedAfter(int $pid): int
    {
        return $this->repetitions($pid);
    }

    public function confirmedCount(): int
    {
        return \count($this->confirmed) + \count($this->runs) * \count(self::STEPS);
    }

    public function handledCount(): int
    {
        return \count(array_intersect_key($this->confirmed, $this->handled)) + array_sum(array_map(\count(...), array_intersect_key($this->steps, $this->runs)));
    }

    /** Nanoseconds from a moment until the last of these letters was handled, for the first time or once more. */
    public function until(int $from, int $to, int $since): int
    {
        $last = $since;
        foreach (range($from, $to - 1) as $number) {
            foreach ($this->handled[$number] ?? [] as $times) {
                $last = max($last, ...array_column($times, 'at'));
            }
        }

        return $last - $since;
    }

    private function repetitions(?int $pid): int
    {
        $repetitions = 0;
        foreach ($this->handled as $copies) {
            foreach ($copies as $times) {
                $repetitions += null === $pid || $pid === $times[0]['pid'] ? \count($times) - 1 : 0;
            }
        }

        return $repetitions;
    }
}
