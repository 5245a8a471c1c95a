<?php

declare(strict_types=1);

// usage: idle.php [--backend=sqlite|redis|postgresql|rabbitmq]… [--samples=60] [--stock-samples=20]
// How long a message waits for a worker that has nothing to do, from before its dispatch until inside the handler. Symfony's
// own transports are polled once a second and vary over all of it: fewer samples tell enough of them.

use Ossa\Tests\Bench\Bars;
use Ossa\Tests\Bench\IdleLatency;
use Ossa\Tests\Bench\Settings;
use Ossa\Tests\Bench\Statistics;
use Ossa\Tests\Bench\Table;

require $_SERVER['OSSA_AUTOLOAD'] ?? throw new LogicException('OSSA_AUTOLOAD is not set.');

$settings = Settings::read(['samples' => 60, 'stock-samples' => 20]);
foreach ($settings->backends() as $variants) {
    $rows = [];
    $bars = new Bars();
    foreach ($variants as $variant) {
        $latencies = (new IdleLatency($settings->number($variant->isOurs ? 'samples' : 'stock-samples')))->measure($variant);
        ['waited' => $waited, 'sending' => $sending] = $latencies;
        $median = Statistics::median($waited);
        $rows[] = [$variant->name, (string) count($waited), sprintf('%.1f', $median), sprintf('%.1f', Statistics::percentile($waited, 99)), sprintf('%.1f', Statistics::median($sending))];
        if ($variant->isOurs) {
            $bars->atMost('idle p50, '.$variant->name, $median, 5, 'ms');
        }
    }
    Table::print(['idle worker, dispatch to handler', 'samples', 'p50 ms', 'p99 ms', 'p50 of the send'], $rows);
    $bars->print();
}
