<?php

declare(strict_types=1);

namespace Ossa\Tests\Transport;

/** `ossa://default`, a queue of the engine's store. */
final class OssaDefaultTest extends OssaContractTestCase
{
    protected function address(string $queue, string $receiver): array
    {
        return ['ossa://default?queue='.$queue, ['store' => 'sqlite://'.$this->folder().'/ossa.db', 'lease_seconds' => 1]];
    }
}
