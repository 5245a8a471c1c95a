<?php

declare(strict_types=1);

// usage: transports.php [--backend=sqlite|redis]… [--messages=20000] [--rounds=3] [--idle=30]
// Compares each ossa transport with Symfony's own on the same backend, in one run. Prints a table for each backend; those
// whose server or PHP extension is not installed are left out.

use Ossa\Tests\Bench\IdleLatency;
use Ossa\Tests\Bench\Statistics;
use Ossa\Tests\Bench\SyncCost;
use Ossa\Tests\Bench\Throughput;
use Ossa\Tests\Bench\Variants;
use PHPUnit\Framework\SkippedTest;

require $_SERVER['OSSA_AUTOLOAD'] ?? throw new LogicException('OSSA_AUTOLOAD is not set.');

$options = getopt('', ['backend:', 'messages:', 'rounds:', 'idle:']);
$number = static fn (string $name, int $default): int => max(1, (int) ($options[$name] ?? $default));
$messages = $number('messages', 20_000);
$rounds = $number('rounds', 3);
$samples = $number('idle', 30);
$wanted = (array) ($options['backend'] ?? array_keys(Variants::all()));

printf("%d messages of about 400 bytes, %d rounds, medians; one unchanged Symfony Worker; one fdatasync %.0f µs\n", $messages, $rounds, SyncCost::measure());
foreach (array_intersect_key(Variants::all(), array_flip($wanted)) as $backend => $variants) {
    if ('redis' === $backend && !extension_loaded('redis')) {
        echo "\nskipped: redis because the PHP extension \"redis\" is not installed\n";
        continue;
    }
    try {
        $server = Variants::start($backend);
    } catch (SkippedTest $skipped) {
        printf("\nskipped: %s because %s\n", $backend, $skipped->getMessage());
        continue;
    }
    $rates = (new Throughput($messages, $rounds))->measure($variants);
    $stock = $rates[$variants[0]->name];
    printf("\n%-22s %12s %8s %12s %8s %14s %8s\n", 'transport', 'send/s', 'ratio', 'consume/s', 'ratio', 'send many/s', 'ratio');
    foreach ($rates as $name => $rate) {
        printf('%-22s %12.0f %7.1fx %12.0f %7.1fx', $name, $rate['send'], $rate['send'] / $stock['send'], $rate['consume'], $rate['consume'] / $stock['consume']);
        echo 0.0 === $rate['batch'] ? "\n" : sprintf(" %14.0f %7.1fx\n", $rate['batch'], $rate['batch'] / $stock['send']);
    }

    printf("\nidle worker, dispatch to handler, %d samples\n%-22s %10s %10s\n", $samples, 'transport', 'p50 ms', 'p95 ms');
    foreach ($variants as $variant) {
        $latencies = (new IdleLatency($samples))->measure($variant);
        printf("%-22s %10.1f %10.1f\n", $variant->name, Statistics::median($latencies), Statistics::percentile($latencies, 95));
    }
    $server?->stop();
}
