<?php

declare(strict_types=1);

namespace Ossa\Tests\Bench;

use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Stamp\TransportMessageIdStamp;
use Symfony\Component\Messenger\Transport\Serialization\PhpSerializer;
use Symfony\Component\Messenger\Transport\TransportInterface;

/**
 * The control: what plain PHP does when it, too, fetches a hundred messages at once and acknowledges in batches. It has
 * no delays, no priorities, no leases, and loses the acknowledgements of a whole batch when it dies.
 */
final class BatchedRedis implements TransportInterface
{
    private const BATCH = 100;

    private readonly \Redis $redis;
    private readonly PhpSerializer $serializer;
    /** @var array<string, array{string}> */
    private array $fetched = [];
    /** @var list<string> */
    private array $done = [];

    public function __construct(string $dsn, private readonly string $stream)
    {
        $this->redis = new \Redis();
        $this->redis->connect((string) parse_url($dsn, \PHP_URL_HOST), (int) parse_url($dsn, \PHP_URL_PORT));
        $this->redis->xgroup('CREATE', $stream, 'g', '0', true);
        $this->serializer = new PhpSerializer();
    }

    public function send(Envelope $envelope): Envelope
    {
        $id = $this->redis->xadd($this->stream, '*', [$this->serializer->encode($envelope)['body']]);

        return $envelope->with(new TransportMessageIdStamp($id));
    }

    public function get(): iterable
    {
        if ([] === $this->fetched) {
            $this->flush();
            $this->fetched = $this->redis->xreadgroup('g', 'c', [$this->stream => '>'], self::BATCH, 1)[$this->stream] ?? [];
        }
        $id = array_key_first($this->fetched);
        if (null === $id) {
            return [];
        }
        [$body] = $this->fetched[$id];
        unset($this->fetched[$id]);

        return [$this->serializer->decode(['body' => $body])->with(new TransportMessageIdStamp($id))];
    }

    public function ack(Envelope $envelope): void
    {
        $id = $envelope->last(TransportMessageIdStamp::class)?->getId();
        \assert(\is_string($id));
        $this->done[] = $id;
        if (\count($this->done) >= self::BATCH) {
            $this->flush();
        }
    }

    public function reject(Envelope $envelope): void
    {
        $this->ack($envelope);
    }

    private function flush(): void
    {
        if ([] !== $this->done) {
            $this->redis->pipeline();
            $this->redis->xack($this->stream, 'g', $this->done);
            $this->redis->xdel($this->stream, $this->done);
            $this->redis->exec();
            $this->done = [];
        }
    }
}
