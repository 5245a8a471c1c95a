<?php

declare(strict_types=1);

namespace Ossa\Tests\Chaos;

/** A message that is sent until it is confirmed. */
final readonly class Letter
{
    /** @param int $copy counts the tries to send it: a try that failed may have been stored all the same */
    public function __construct(public int $number, public int $copy, public string $text = '')
    {
    }
}
