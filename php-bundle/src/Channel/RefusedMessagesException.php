<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Channel;

use Ossa\SymfonyRuntime\Exception\ExceptionInterface;

/** Some messages of a batch were refused; the others are published. */
final class RefusedMessagesException extends \RuntimeException implements ExceptionInterface
{
    /** @param non-empty-array<int, string> $refused why, by the place of the message in the batch, from 0 */
    public function __construct(
        private readonly array $refused,
        int $messages,
    ) {
        $place = array_key_first($refused);
        parent::__construct(\sprintf('%d of %d messages were refused, the first at place %d: %s', \count($refused), $messages, $place, $refused[$place]));
    }

    /** @return non-empty-array<int, string> why, by the place of the message in the batch, from 0 */
    public function getRefused(): array
    {
        return $this->refused;
    }
}
