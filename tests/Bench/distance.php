<?php

declare(strict_types=1);

// usage: distance.php [--backend=redis|postgresql|rabbitmq]… [--messages=20000] [--rounds=2] [--seconds=4] [--microseconds=2000]
// The same as transports.php with a server that is as far away as the round trip says, by a proxy that delays each way by half of it.

use Ossa\Tests\Bench\DelayedServer;
use Ossa\Tests\Bench\Settings;
use Ossa\Tests\Bench\Table;
use Ossa\Tests\Bench\Throughput;
use Ossa\Tests\Bench\Variants;

require $_SERVER['OSSA_AUTOLOAD'] ?? throw new LogicException('OSSA_AUTOLOAD is not set.');

$settings = Settings::read(['messages' => 20_000, 'rounds' => 2, 'seconds' => 4, 'microseconds' => 2_000], array_values(array_diff(Variants::BACKENDS, ['sqlite'])));
printf("round trip to the server %d µs; up to %d messages, up to %d s each\n", $settings->number('microseconds'), $settings->number('messages'), $settings->number('seconds'));
foreach ($settings->backends() as $backend => $variants) {
    $proxy = new DelayedServer(Variants::server($backend), intdiv($settings->number('microseconds'), 2));
    Variants::reach($backend, $proxy->dsn);
    $rates = (new Throughput($settings->number('messages'), $settings->number('rounds'), $settings->number('seconds')))->measure($variants);
    unset($proxy);
    $peer = $rates['amqp-confirmed'] ?? $rates[$variants[0]->name];
    $stock = $rates[$variants[0]->name];
    $rows = [];
    foreach ($rates as $name => $rate) {
        $rows[] = [
            $name,
            Table::rate($rate['send']), Table::ratio($rate['send'], $peer['send']),
            Table::rate($rate['many']), Table::ratio($rate['many'], $peer['send']),
            Table::rate($rate['consume']), Table::ratio($rate['consume'], $stock['consume']),
            Table::rate($rate['consume2']), Table::ratio($rate['consume2'], $stock['consume2']),
        ];
    }
    Table::print(['transport, '.$settings->number('microseconds').' µs away', 'send/s', 'ratio', 'send many/s', 'ratio', 'consume/s', 'ratio', '2 workers', 'ratio'], $rows);
}
