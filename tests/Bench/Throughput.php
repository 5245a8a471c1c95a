<?php

declare(strict_types=1);

namespace Ossa\Tests\Bench;

use Ossa\SymfonyRuntime\Transport\OssaTransport;
use Symfony\Component\EventDispatcher\EventDispatcher;
use Symfony\Component\Filesystem\Filesystem;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\EventListener\StopWorkerOnMessageLimitListener;
use Symfony\Component\Messenger\Handler\HandlersLocator;
use Symfony\Component\Messenger\MessageBus;
use Symfony\Component\Messenger\Middleware\HandleMessageMiddleware;
use Symfony\Component\Messenger\Transport\TransportInterface;
use Symfony\Component\Messenger\Worker;

/**
 * Sends n messages one by one, each durable before the next, then handles them with one unchanged Symfony Worker, and,
 * where the transport can, sends n more in batches of a hundred. The variants alternate within each round, so that a busy moment of the machine hits all of them.
 */
final readonly class Throughput
{
    private const BATCH = 100;

    public function __construct(private int $messages, private int $rounds)
    {
    }

    /**
     * @param non-empty-list<Variant> $variants
     *
     * @return array<string, array{send: float, consume: float, batch: float}> messages a second by variant, medians of the rounds; 0 where a transport has no batches
     */
    public function measure(array $variants): array
    {
        $rates = [];
        for ($round = 1; $round <= $this->rounds; ++$round) {
            foreach ($variants as $variant) {
                fprintf(\STDERR, "round %d of %d: %s\n", $round, $this->rounds, $variant->name);
                [$send, $consume, $batch] = $this->once($variant);
                $rates[$variant->name]['send'][] = $send;
                $rates[$variant->name]['consume'][] = $consume;
                $rates[$variant->name]['batch'][] = $batch;
            }
        }

        return array_map(static fn (array $rate): array => [
            'send' => Statistics::median($rate['send']),
            'consume' => Statistics::median($rate['consume']),
            'batch' => Statistics::median($rate['batch']),
        ], $rates);
    }

    /**
     * @return array{float, float, float}
     */
    private function once(Variant $variant): array
    {
        $files = new Filesystem();
        $folder = sys_get_temp_dir().'/ossa-bench-'.bin2hex(random_bytes(4));
        $files->mkdir($folder);
        try {
            $transport = ($variant->open)($folder);
            $transport->send(new Envelope(new BenchMessage(0)));
            $this->consume($transport, 1);

            $began = hrtime(true);
            for ($i = 0; $i < $this->messages; ++$i) {
                $transport->send(new Envelope(new BenchMessage($i)));
            }
            $send = $this->rate($began);

            $began = hrtime(true);
            $this->consume($transport, $this->messages);

            return [$send, $this->rate($began), $transport instanceof OssaTransport ? $this->sendInBatches($transport) : 0.0];
        } finally {
            unset($transport);
            $files->remove($folder);
        }
    }

    private function sendInBatches(OssaTransport $transport): float
    {
        $began = hrtime(true);
        for ($i = 0; $i < $this->messages; $i += self::BATCH) {
            $transport->sendMany(array_map(static fn (int $number): Envelope => new Envelope(new BenchMessage($number)), range($i, $i + self::BATCH - 1)));
        }

        return $this->rate($began);
    }

    private function consume(TransportInterface $transport, int $messages): void
    {
        $handled = 0;
        $bus = new MessageBus([new HandleMessageMiddleware(new HandlersLocator([
            BenchMessage::class => [static function (BenchMessage $message) use (&$handled): void { ++$handled; }],
        ]))]);
        $events = new EventDispatcher();
        $events->addSubscriber(new StopWorkerOnMessageLimitListener($messages));
        (new Worker(['bench' => $transport], $bus, $events))->run(['sleep' => 1_000]);
        if ($handled !== $messages) {
            throw new \LogicException(\sprintf('Handled %d messages where %d were sent: the figure would be worthless.', $handled, $messages));
        }
    }

    private function rate(int $began): float
    {
        return $this->messages / ((hrtime(true) - $began) / 1e9);
    }
}
