<?php

declare(strict_types=1);

namespace Ossa\Tests\Bench;

/**
 * Sends messages one by one, each durable before the next, has one worker process handle them, sends as many again, a
 * hundred at a time where the transport can, and has two workers handle these. Nothing takes longer than the given
 * seconds; what is slow does less. The variants alternate within each round, in slices where they send one by one, so
 * that a busy moment of the machine or the server hits all of them.
 *
 * @phpstan-type Rates array{send: float, many: float, consume: float, consume2: float}
 */
final readonly class Throughput
{
    private const SLICES = 10;

    public function __construct(private int $messages, private int $rounds, private float $seconds)
    {
    }

    /**
     * @param non-empty-list<Variant> $variants
     *
     * @return array<string, Rates> messages a second by variant, medians of the rounds; 0 where a transport has no batches
     */
    public function measure(array $variants): array
    {
        $rates = [];
        for ($round = 1; $round <= $this->rounds; ++$round) {
            $folders = array_map(static fn (): TemporaryFolder => new TemporaryFolder(), $variants);
            $senders = array_map(static fn (Variant $variant, TemporaryFolder $folder): Sender => new Sender(($variant->open)($folder->path)), $variants, $folders);
            Progress::show(\sprintf('round %d of %d: sending', $round, $this->rounds));
            $sent = $this->sendInTurn($senders);
            foreach ($variants as $number => $variant) {
                Progress::show(\sprintf('round %d of %d: %s', $round, $this->rounds, $variant->name));
                [$count, $rate] = $sent[$number];
                $rates[$variant->name]['send'][] = $rate;
                foreach ($this->consume($variant, $folders[$number]->path, $senders[$number], $count) as $measure => $rate) {
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

    /**
     * @param list<Sender> $senders
     *
     * @return list<array{int, float}> messages sent by each, and how many a second
     */
    private function sendInTurn(array $senders): array
    {
        $counts = $times = array_map(static fn (): int => 0, $senders);
        for ($slice = 0; $slice < self::SLICES; ++$slice) {
            foreach ($senders as $number => $sender) {
                $count = $sender->sendAwaited(intdiv($this->messages, self::SLICES), $this->seconds / self::SLICES);
                $counts[$number] += $count;
                $times[$number] += $count / $sender->rate;
            }
        }

        return array_map(static fn (int $count, float $time): array => [$count, $count / $time], $counts, $times);
    }

    /** @return array{many: float, consume: float, consume2: float} */
    private function consume(Variant $variant, string $folder, Sender $sender, int $sent): array
    {
        // Fast workers need more than a slow disk lets one sender confirm.
        $sent += $variant->isOurs ? $sender->sendMany(max(100, $this->messages - $sent), $this->seconds) : 0;
        $one = (new Workers($variant, $folder))->consume($sent, $this->seconds);
        $left = $sent - $one['handled'];
        $more = $sender->fill(max(100, $this->messages - $left), $this->seconds);
        $many = $variant->isOurs ? $sender->rate : 0.0;
        $two = (new Workers($variant, $folder, 2))->consume($left + $more, $this->seconds);

        return ['many' => $many, 'consume' => $one['rate'], 'consume2' => $two['rate']];
    }
}
