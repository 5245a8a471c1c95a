<?php

declare(strict_types=1);

// usage: channels.php [--samples=200] [--rules=1000] [--messages=200000] [--rounds=3]
// Messages of channels: how long one takes to a listener with nothing else to do, and how many a process routes.

use Ossa\Tests\Bench\Bars;
use Ossa\Tests\Bench\ChannelLatency;
use Ossa\Tests\Bench\Progress;
use Ossa\Tests\Bench\RoutingRate;
use Ossa\Tests\Bench\Settings;
use Ossa\Tests\Bench\Statistics;
use Ossa\Tests\Bench\Table;
use Ossa\Tests\Bench\TemporaryFolder;

require $_SERVER['OSSA_AUTOLOAD'] ?? throw new LogicException('OSSA_AUTOLOAD is not set.');

$settings = Settings::read(['samples' => 200, 'rules' => 1000, 'messages' => 200_000, 'rounds' => 3]);
$bars = new Bars();

$folder = new TemporaryFolder();
printf("\n-- publish to listener, SQLite, load %.1f\n", Progress::load());
['took' => $took, 'publishing' => $publishing] = (new ChannelLatency($settings->number('samples')))->measure('sqlite://'.$folder->path.'/bench.db');
Table::print(['idle listener', 'samples', 'p50 ms', 'p99 ms', 'p50 of the publish', 'p99 of the publish'], [[
    'sqlite', (string) count($took),
    sprintf('%.1f', Statistics::median($took)), sprintf('%.1f', Statistics::percentile($took, 99)),
    sprintf('%.1f', Statistics::median($publishing)), sprintf('%.1f', Statistics::percentile($publishing, 99)),
]]);
$bars->atMost('publish to listener p99', Statistics::percentile($took, 99), 10, 'ms');

printf("\n-- routing, load %.1f\n", Progress::load());
$routing = new RoutingRate($settings->number('rules'));
$rates = $cpu = [];
for ($round = 1; $round <= $settings->number('rounds'); ++$round) {
    $measured = $routing->measure($settings->number('messages'));
    $rates[] = $measured['rate'];
    $cpu[] = $measured['cpu'];
}
Table::print(['Router::route(), 3 rules match', 'rules', 'messages/s', 'CPU of a message, us'], [[
    'PHP array to PHP array', (string) $settings->number('rules'), Table::rate(Statistics::median($rates)), sprintf('%.2f', Statistics::median($cpu)),
]]);
$bars->atLeast('routing through PHP', Statistics::median($rates), 150_000, 'messages/s');
$bars->print();
