<?php

declare(strict_types=1);

// usage: runs.php [--backend=sqlite|redis|postgresql|doctrine-…]… [--rounds=3] [--seconds=4]
// Durable runs of three steps in a second, by store, with one worker process and with two; each keeps some runs going.

use Ossa\Tests\Bench\Progress;
use Ossa\Tests\Bench\RunRate;
use Ossa\Tests\Bench\Settings;
use Ossa\Tests\Bench\Statistics;
use Ossa\Tests\Bench\Table;
use Ossa\Tests\Bench\TemporaryFolder;
use Ossa\Tests\Bench\Variants;
use PHPUnit\Framework\SkippedTest;

require $_SERVER['OSSA_AUTOLOAD'] ?? throw new LogicException('OSSA_AUTOLOAD is not set.');

$settings = Settings::read(['rounds' => 3, 'seconds' => 4], RunRate::STORES);
$servers = $rates = [];
foreach ($settings->wanted() as $store) {
    $backend = RunRate::backend($store);
    try {
        $servers[$backend] ??= Variants::start($backend);
    } catch (SkippedTest $skipped) {
        printf("skipped: %s because %s\n", $store, $skipped->getMessage());
        continue;
    }
    $rates[$store] = [1 => [], 2 => []];
}
printf("3-step runs, %d s each, medians of %d rounds; load %.1f\n", $settings->number('seconds'), $settings->number('rounds'), Progress::load());
for ($round = 1; $round <= $settings->number('rounds'); ++$round) {
    foreach (array_keys($rates) as $store) {
        Progress::show(sprintf('round %d of %d: %s', $round, $settings->number('rounds'), $store));
        foreach ([1, 2] as $workers) {
            $rates[$store][$workers][] = (new RunRate($store, new TemporaryFolder()))->measure($workers, $settings->number('seconds'));
        }
    }
}
$rows = [];
foreach ($rates as $store => $measured) {
    [1 => $one, 2 => $two] = array_map(Statistics::median(...), $measured);
    $rows[] = [$store, Table::rate($one), Table::rate($two), Table::ratio($two, $one)];
}
Table::print(['store', 'runs/s', '2 workers', 'ratio'], $rows);
