<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Channel;

use Ossa\SymfonyRuntime\Context\Nesting;
use Ossa\SymfonyRuntime\Message\OssaChannelMessage;
use Symfony\Contracts\Service\ResetInterface;

/**
 * Knows which message of a channel is being handled, so that what is published meanwhile says what led to it.
 *
 * @internal
 */
final class CurrentDelivery implements ResetInterface
{
    /** @var Nesting<OssaChannelMessage> */
    private readonly Nesting $messages;

    public function __construct()
    {
        $this->messages = new Nesting();
    }

    public function message(): ?OssaChannelMessage
    {
        return $this->messages->current();
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
        return $this->messages->within($message, $do);
    }

    public function reset(): void
    {
        $this->messages->reset();
    }
}
