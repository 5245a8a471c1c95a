<?php

declare(strict_types=1);

// usage: transports.php [--messages=20000] [--rounds=3] [--idle=30]
// Compares the ossa:// transport with Symfony's Doctrine transport, both on SQLite, in one run. Prints one table.

use Ossa\Tests\Bench\IdleLatency;
use Ossa\Tests\Bench\Statistics;
use Ossa\Tests\Bench\SyncCost;
use Ossa\Tests\Bench\Throughput;
use Ossa\Tests\Bench\Variants;

require $_SERVER['OSSA_AUTOLOAD'] ?? throw new LogicException('OSSA_AUTOLOAD is not set.');

$options = getopt('', ['messages:', 'rounds:', 'idle:']);
$number = static fn (string $name, int $default): int => max(1, (int) ($options[$name] ?? $default));
$messages = $number('messages', 20_000);
$rounds = $number('rounds', 3);
$samples = $number('idle', 30);

printf("%d messages of about 400 bytes, %d rounds, medians; one unchanged Symfony Worker; one fdatasync %.0f µs\n\n", $messages, $rounds, SyncCost::measure());

$rates = (new Throughput($messages, $rounds))->measure(array_values(Variants::all()));
$stock = $rates['doctrine-sqlite'];
printf("%-22s %12s %8s %12s %8s\n", 'transport', 'send/s', 'ratio', 'consume/s', 'ratio');
foreach ($rates as $name => $rate) {
    printf("%-22s %12.0f %7.1fx %12.0f %7.1fx\n", $name, $rate['send'], $rate['send'] / $stock['send'], $rate['consume'], $rate['consume'] / $stock['consume']);
}

printf("\nidle worker, dispatch to handler, %d samples\n%-22s %10s %10s\n", $samples, 'transport', 'p50 ms', 'p95 ms');
foreach (['doctrine-sqlite', 'ossa-sqlite'] as $name) {
    $latencies = (new IdleLatency($samples))->measure(Variants::named($name));
    printf("%-22s %10.1f %10.1f\n", $name, Statistics::median($latencies), Statistics::percentile($latencies, 95));
}
