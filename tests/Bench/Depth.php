<?php

declare(strict_types=1);

namespace Ossa\Tests\Bench;

/** A worker's rate on short queues and on a long one in turn, and its memory on the long one. */
final readonly class Depth
{
    private const SECONDS = 600.0;
    /** Before and after the long one, each. */
    private const SHORT_QUEUES = 5;

    public function __construct(private int $few, private int $many, private int $rounds)
    {
    }

    /** @return array{few: float, many: float, memory: array<int, int>} messages a second, medians; KiB after so many messages */
    public function measure(Variant $variant): array
    {
        $folder = new TemporaryFolder();
        $sender = new Sender(($variant->open)($folder->path));
        $few = $many = $memory = [];
        for ($round = 1; $round <= $this->rounds; ++$round) {
            $few = [...$few, ...$this->shortQueues($variant, $folder, $sender)];
            Progress::show(\sprintf('round %d of %d: %s, sending %d', $round, $this->rounds, $variant->name, $this->many));
            $sender->fill($this->many, self::SECONDS);
            Progress::show(\sprintf('round %d of %d: %s, consuming them', $round, $this->rounds, $variant->name));
            $result = (new Workers($variant, $folder->path))->consume($this->many, self::SECONDS);
            $many[] = $result['rate'];
            $memory = $result['memory'];
            $few = [...$few, ...$this->shortQueues($variant, $folder, $sender)];
        }

        return ['few' => Statistics::median($few), 'many' => Statistics::median($many), 'memory' => $memory];
    }

    /** @return list<float> */
    private function shortQueues(Variant $variant, TemporaryFolder $folder, Sender $sender): array
    {
        Progress::show(\sprintf('%s: %d queues of %d', $variant->name, self::SHORT_QUEUES, $this->few));
        $rates = [];
        for ($i = 0; $i < self::SHORT_QUEUES; ++$i) {
            $sender->fill($this->few, self::SECONDS);
            $rates[] = (new Workers($variant, $folder->path))->consume($this->few, self::SECONDS)['rate'];
        }

        return $rates;
    }
}
