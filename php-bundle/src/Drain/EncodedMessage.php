<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Drain;

/**
 * A message as it lies in a transport: nobody needs to understand it to move it.
 *
 * @internal
 */
final readonly class EncodedMessage
{
    /** Says which move brought it here. Serializers pass over headers they do not know. */
    private const MARK = 'X-Ossa-Moved';

    /** @param array<string, string> $headers */
    public function __construct(
        public string $body,
        public array $headers,
    ) {
    }

    public function marked(string $mark): self
    {
        return new self($this->body, [self::MARK => $mark] + $this->headers);
    }

    public function getMark(): ?string
    {
        return $this->headers[self::MARK] ?? null;
    }

    /** @return array{body: string, headers: array<string, string>} as serializers take it */
    public function toArray(): array
    {
        return ['body' => $this->body, 'headers' => $this->headers];
    }
}
