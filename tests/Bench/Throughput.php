<?php

declare(strict_types=1);

namespace Ossa\Tests\Bench;

/**
 * Sends messages one by one, each durable before the next, has one worker process handle them, sends as many again, a
 * hundred at a time where the transport can, and has two workers handle these. Nothing takes longer than the given
 * seconds; what is slow does less. The variants alternate within each round, so that a busy moment of the machine hits all of them.
 */
final readonly class Throughput
{
    public function __construct(private int $messages, private int $rounds, private float $seconds)
    {
    }

    /**
     * @param non-empty-list<Variant> $variants
     *
     * @return array<string, array{send: float, many: float, consume: float, consume2: float}> messages a second by variant, medians of the rounds; 0 where a transport has no batches
     */
    public function measure(array $variants): array
    {
        $rates = [];
        for ($round = 1; $round <= $this->rounds; ++$round) {
            foreach ($variants as $variant) {
                Progress::show(\sprintf('round %d of %d: %s', $round, $this->rounds, $variant->name));
                foreach ($this->once($variant) as $measure => $rate) {
                    $rates[$variant->name][$measure][] = $rate;
                }
            }
        }

        return array_map(static fn (array $rate): array => [
            'send' => Statistics::median($rate['send']),
            'many' => Statistics::median($rate['many']),
            'consume' => Statistics::median($rate['consume']),
            'consume2' => Statistics::median($rate['consume2']),
        ], $rates);
    }

    /** @return array{send: float, many: float, consume: float, consume2: float} */
    private function once(Variant $variant): array
    {
        $folder = new TemporaryFolder();
        $sender = new Sender(($variant->open)($folder->path));
        $sent = $sender->sendAwaited($this->messages, $this->seconds);
        $awaited = $sender->rate;
        // Fast workers need more than a slow disk lets one sender confirm.
        $sent += $variant->isOurs ? $sender->sendMany(max(100, $this->messages - $sent), $this->seconds) : 0;
        $one = (new Workers($variant, $folder->path))->consume($sent, $this->seconds);
        $left = $sent - $one['handled'];
        $more = $sender->fill(max(100, $this->messages - $left), $this->seconds);
        $many = $variant->isOurs ? $sender->rate : 0.0;
        $two = (new Workers($variant, $folder->path, 2))->consume($left + $more, $this->seconds);

        return ['send' => $awaited, 'many' => $many, 'consume' => $one['rate'], 'consume2' => $two['rate']];
    }
}
