<?php

declare(strict_types=1);

namespace Ossa\Tests\Extension\Fixture;

final class Money implements \JsonSerializable
{
    public function __construct(private readonly int $cents, private readonly ?Currency $currency = Currency::Euro)
    {
    }

    /** @return array{cents: int, currency: ?Currency} */
    public function jsonSerialize(): array
    {
        if ($this->cents < 0) {
            throw new \DomainException('money is never negative');
        }

        return ['cents' => $this->cents, 'currency' => $this->currency];
    }
}
