<?php

declare(strict_types=1);

// usage: transports.php [--backend=sqlite|redis|postgresql|rabbitmq]… [--messages=50000] [--rounds=3] [--seconds=3]
// Compares each ossa transport with Symfony's own on the same backend, in one run: sends one by one and a hundred at a time,
// consumption by one worker and by two. Backends whose server or PHP extension is not installed are left out.

use Ossa\Tests\Bench\Bars;
use Ossa\Tests\Bench\Settings;
use Ossa\Tests\Bench\SyncCost;
use Ossa\Tests\Bench\Table;
use Ossa\Tests\Bench\Throughput;

require $_SERVER['OSSA_AUTOLOAD'] ?? throw new LogicException('OSSA_AUTOLOAD is not set.');

/** Times Symfony's own that consuming must reach. */
const CONSUME = ['sqlite' => 100, 'redis' => 15, 'postgresql' => 30, 'rabbitmq' => 5];

$settings = Settings::read(['messages' => 50_000, 'rounds' => 3, 'seconds' => 3]);
[$messages, $rounds, $seconds] = [$settings->number('messages'), $settings->number('rounds'), $settings->number('seconds')];
printf("up to %d messages of about 400 bytes, up to %d s each, medians of %d rounds; unchanged Symfony Worker; one fdatasync %.0f µs\n", $messages, $seconds, $rounds, SyncCost::measure());
foreach ($settings->backends() as $backend => $variants) {
    $rates = (new Throughput($messages, $rounds, $seconds))->measure($variants);
    $stock = $rates[$variants[0]->name];
    // Symfony's sends to RabbitMQ are confirmed by the broker only when it is told to; ours always are.
    $peer = isset($rates['amqp-confirmed']) ? 'amqp-confirmed' : $variants[0]->name;
    $rows = [];
    foreach ($rates as $name => $rate) {
        $rows[] = [
            $name,
            Table::rate($rate['send']), Table::ratio($rate['send'], $rates[$peer]['send']),
            Table::rate($rate['many']), Table::ratio($rate['many'], $rates[$peer]['send']),
            Table::rate($rate['consume']), Table::ratio($rate['consume'], $stock['consume']),
            Table::rate($rate['consume2']), Table::ratio($rate['consume2'], $stock['consume2']),
        ];
    }
    Table::print(['transport', 'send/s', 'ratio', 'send many/s', 'ratio', 'consume/s', 'ratio', '2 workers', 'ratio'], $rows);

    $bars = new Bars();
    $ours = $rates['ossa-'.('rabbitmq' === $backend ? 'amqp' : $backend)];
    $bars->atLeastTimes('send', $ours['send'], 'rabbitmq' === $backend ? 0.9 : 1, $rates[$peer]['send'], $peer);
    $bars->atLeastTimes('send many', $ours['many'], 10, $rates[$peer]['send'], $peer);
    $bars->atLeastTimes('consume', $ours['consume'], CONSUME[$backend], $stock['consume'], $variants[0]->name);
    if (isset($rates['php-redis-batched'])) {
        $bars->atLeastTimes('consume', $ours['consume'], 1, $rates['php-redis-batched']['consume'], 'php-redis-batched');
    }
    $bars->print();
}
