<?php

declare(strict_types=1);

// usage: depth.php [--backend=sqlite|redis|postgresql|rabbitmq]… [--messages=1000000] [--rounds=1] [--few=10000]
// Whether a worker is as fast, and as small, on a queue of a million messages as on one of ten thousand. Ours only: Symfony's
// own would take hours.

use Ossa\Tests\Bench\Bars;
use Ossa\Tests\Bench\Depth;
use Ossa\Tests\Bench\Settings;
use Ossa\Tests\Bench\Table;
use Ossa\Tests\Bench\Variant;

require $_SERVER['OSSA_AUTOLOAD'] ?? throw new LogicException('OSSA_AUTOLOAD is not set.');

$settings = Settings::read(['messages' => 1_000_000, 'rounds' => 1, 'few' => 10_000]);
[$many, $few] = [$settings->number('messages'), $settings->number('few')];
foreach ($settings->backends() as $variants) {
    $bars = new Bars();
    $rows = [];
    // One of each backend: the million takes half a minute at best.
    foreach (array_slice(array_filter($variants, static fn (Variant $variant): bool => $variant->isOurs), 0, 1) as $variant) {
        $depth = (new Depth($few, $many, $settings->number('rounds')))->measure($variant);
        $sizes = array_map(static fn (int $after): string => isset($depth['memory'][$after]) ? sprintf('%.1f', $depth['memory'][$after] / 1024) : '-', [10_000, 100_000, 1_000_000]);
        $rows[] = [$variant->name, Table::rate($depth['few']), Table::rate($depth['many']), Table::ratio($depth['many'], $depth['few']), ...$sizes];
        $bars->atLeastTimes($variant->name.', queue of '.$many, $depth['many'], 0.9, $depth['few'], 'a queue of '.$few);
        $late = array_filter($depth['memory'], static fn (int $after): bool => $after >= 100_000, \ARRAY_FILTER_USE_KEY);
        if ([] !== $late) {
            $bars->atMost($variant->name.', growth after the first 100000', (max($late) - min($late)) / 1024, 1, 'MiB');
        }
    }
    Table::print(['transport', "$few: consume/s", "$many: consume/s", 'ratio', 'MiB after 10k', '100k', '1M'], $rows);
    $bars->print();
}
