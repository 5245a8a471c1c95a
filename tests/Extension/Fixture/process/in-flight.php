<?php

declare(strict_types=1);

// usage: in-flight.php DSN MANIFESTS ENDING
// Claims a step, takes a message, has more of them prefetched, prints "in flight", and ends as asked.

use Ossa\Runtime\Engine;

[, $dsn, $manifests, $ending] = $argv;

$engine = Engine::open($dsn, ['manifest_roots' => [$manifests], 'queue' => 'steps', 'lease_seconds' => 1]);
$engine->start('greet', ['name' => 'Ada']);
$claim = $engine->claim($engine->relay()[0]->getToken()) ?? exit(90);

$transport = $engine->transport(['queue' => 'messages', 'lease_seconds' => in_array($ending, ['terminated', 'killed'], true) ? 1 : 600]);
for ($number = 0; $number < 40; ++$number) {
    $transport->send((string) $number);
}
// Fast consumption makes it prefetch; the tenth message stays unacknowledged.
for ($number = 0; $number < 9; ++$number) {
    $transport->ack($transport->receive()[0]->getId());
}
$transport->receive();
while ($transport->counts()['leased'] < 2) {
    usleep(1000);
}

if ('signal-handled' === $ending) {
    pcntl_async_signals(true);
    pcntl_signal(\SIGTERM, static function (): never {
        echo "stopping\n";
        exit(0);
    });
}
echo "in flight\n";

match ($ending) {
    'return' => null,
    'exit' => exit(7),
    'exit-in-a-function' => array_map(static fn (): never => exit(7), [1]),
    'exception' => throw new RuntimeException('nobody catches this'),
    'error' => (static fn (): string => intdiv(1, 0).'')(),
    'memory' => (static function (): string {
        ini_set('memory_limit', (string) (memory_get_usage(true) + 1024 * 1024));

        return str_repeat('x', 64 * 1024 * 1024);
    })(),
    'time' => (static function (): void {
        set_time_limit(1);
        for ($number = 0;; ++$number) {
            hash('sha256', (string) $number);
        }
    })(),
    // Ended by a signal long before.
    'signal-handled', 'terminated', 'killed' => sleep(600),
    default => exit(91),
};
