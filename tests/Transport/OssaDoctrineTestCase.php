<?php

declare(strict_types=1);

namespace Ossa\Tests\Transport;

/** `ossa://default`, where the engine's store is in tables of the application's database. */
abstract class OssaDoctrineTestCase extends OssaContractTestCase
{
    abstract protected function database(): string;

    /** While a handler runs nobody can prolong its lease but the handler's own thread, by keepalive(). */
    protected static function differences(): array
    {
        return ['testWhatAReceiverHoldsItHoldsForAsLongAsItLives'];
    }

    protected function address(string $queue, string $receiver): array
    {
        return ['ossa://default?queue='.$queue, ['store' => 'doctrine+'.$this->database(), 'lease_seconds' => 1]];
    }
}
