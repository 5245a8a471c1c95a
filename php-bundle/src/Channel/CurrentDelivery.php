<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Channel;

use Ossa\SymfonyRuntime\Message\OssaChannelMessage;
use Symfony\Contracts\Service\ResetInterface;

/**
 * Knows which message of a channel is being handled, so that what is published meanwhile says what led to it.
 *
 * @internal
 */
final class CurrentDelivery implements ResetInterface
{
    /** @var list<OssaChannelMessage> */
    private array $stack = [];

    public function message(): ?OssaChannelMessage
    {
        return $this->stack[array_key_last($this->stack) ?? 0] ?? null;
    }

    /**
     * @template T
     *
     * @param \Closure(): T $do
     *
     * @return T
     */
    public function during(OssaChannelMessage $message, \Closure $do): mixed
    {
        $depth = \count($this->stack);
        $this->stack[] = $message;
        try {
            return $do();
        } finally {
            $this->stack = \array_slice($this->stack, 0, $depth);
        }
    }

    public function reset(): void
    {
        $this->stack = [];
    }
}
