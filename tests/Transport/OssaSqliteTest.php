<?php

declare(strict_types=1);

namespace Ossa\Tests\Transport;

/** `ossa+sqlite://`, a file of its own. */
final class OssaSqliteTest extends OssaContractTestCase
{
    protected function address(string $queue, string $receiver): array
    {
        return ['ossa+sqlite://'.$this->folder().'/queue.db?queue='.$queue, ['lease_seconds' => 1]];
    }
}
