<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Transport;

use Ossa\Runtime\Delivery;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Transport\Receiver\ListableReceiverInterface;

/** A queue in a store, whose messages can be looked at. Those of a message broker cannot. */
final class ListableOssaTransport extends OssaTransport implements ListableReceiverInterface
{
    private const PAGE = 1000;

    /**
     * Page by page: what is sent meanwhile is seen, too.
     *
     * @return iterable<Envelope>
     */
    public function all(?int $limit = null): iterable
    {
        $after = null;
        for ($left = $limit ?? \PHP_INT_MAX; $left > 0; $left -= self::PAGE) {
            $size = min($left, self::PAGE);
            $page = $this->calling(fn (): array => $this->queue()->all($size, $after));
            foreach ($page as $delivery) {
                yield $this->envelope($delivery, false);
                $after = $delivery->getId();
            }
            if (\count($page) < $size) {
                return;
            }
        }
    }

    public function find(mixed $id): ?Envelope
    {
        $delivery = \is_string($id) || \is_int($id) ? $this->calling(fn (): ?Delivery => $this->queue()->find((string) $id)) : null;

        return null === $delivery ? null : $this->envelope($delivery, false);
    }
}
