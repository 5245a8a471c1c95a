<?php

declare(strict_types=1);

// usage: runs.php STORE FOLDER SECONDS
// Opens the store, prints a line, waits for one; then keeps some runs going, one step after the other, and prints how many steps it did.

use Ossa\Tests\Bench\RunRate;

require $_SERVER['OSSA_AUTOLOAD'] ?? throw new LogicException('OSSA_AUTOLOAD is not set.');

const IN_FLIGHT = 16;

[, $store, $folder, $seconds] = $argv;
$engine = RunRate::open($store, $folder);
$transport = $engine->transport();
$transport->count();
echo "ready\n";
fgets(\STDIN);
$steps = $started = 0;
for ($until = hrtime(true) + (int) $seconds * 1_000_000_000; hrtime(true) < $until;) {
    while ($started < IN_FLIGHT + intdiv($steps, RunRate::STEPS)) {
        $engine->start('onboarding', ['email' => 'ada@example.org']);
        ++$started;
    }
    foreach ($transport->receive(1, 100) as $delivery) {
        $claim = $engine->claim((string) $delivery->getToken());
        if (null !== $claim) {
            $engine->complete($claim->getToken(), ['id' => 7]);
            ++$steps;
        }
        $transport->ack($delivery->getId());
    }
}
echo $steps."\n";
