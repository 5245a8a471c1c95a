<?php

declare(strict_types=1);

// usage: delay.php PORT MICROSECONDS
// Passes connections on to the port of this machine, everything so much later. Prints the port it listens on; runs until it is ended.

use Ossa\Tests\Bench\DelayedWay;

require $_SERVER['OSSA_AUTOLOAD'] ?? throw new LogicException('OSSA_AUTOLOAD is not set.');

[, $port, $microseconds] = $argv;
$listener = stream_socket_server('tcp://127.0.0.1:0');
if (false === $listener) {
    throw new RuntimeException('There is no port to listen on.');
}
printf("%d\n", parse_url('tcp://'.stream_socket_get_name($listener, false), \PHP_URL_PORT));

/** @var list<array{there: DelayedWay, back: DelayedWay}> $connections */
$connections = [];
$none = null;
while (is_resource($listener)) {
    // The end of one way ends the other.
    $connections = array_values(array_filter($connections, static fn (array $ways): bool => $ways['there']->passOn() && $ways['back']->passOn()));
    $ways = array_merge(...array_map(array_values(...), $connections));
    $due = array_filter(array_map(static fn (DelayedWay $way): ?float => $way->next(), $ways), is_float(...));
    $wait = [] === $due ? 1_000_000 : max(0, (int) ((min($due) - microtime(true)) * 1e6));
    $open = array_values(array_filter($ways, static fn (DelayedWay $way): bool => $way->takesMore()));
    $ready = [-1 => $listener] + array_map(static fn (DelayedWay $way): mixed => $way->from, $open);
    if (false === @stream_select($ready, $none, $none, 0, $wait)) {
        continue;
    }
    foreach (array_keys($ready) as $number) {
        $way = $open[$number] ?? null;
        if (null !== $way) {
            $way->take();
            continue;
        }
        $client = @stream_socket_accept($listener);
        $server = @stream_socket_client('tcp://127.0.0.1:'.$port);
        if (false === $client || false === $server) {
            // Without a server there is nothing to pass on: the client finds its connection closed.
            continue;
        }
        foreach ([$client, $server] as $end) {
            stream_set_blocking($end, false);
            stream_set_write_buffer($end, 0);
            $socket = socket_import_stream($end);
            false === $socket || socket_set_option($socket, \SOL_TCP, \TCP_NODELAY, 1);
        }
        $delay = (int) $microseconds / 1e6;
        $connections[] = ['there' => new DelayedWay($client, $server, $delay), 'back' => new DelayedWay($server, $client, $delay)];
    }
}
