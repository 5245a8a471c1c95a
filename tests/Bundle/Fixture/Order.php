<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle\Fixture;

final readonly class Order
{
    public function __construct(
        public int $orderId,
        public Customer $customer,
        public Weekday $deliverOn = Weekday::Saturday,
        public ?\DateTimeImmutable $paidAt = null,
    ) {
    }
}
