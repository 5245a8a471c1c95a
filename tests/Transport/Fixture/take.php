<?php

declare(strict_types=1);

// usage: take.php DSN OPTIONS
// Takes one message, prints its text, and holds it until the process is killed.

use Ossa\Tests\Support\Transports;
use Ossa\Tests\Transport\Fixture\Letter;

$autoload = getenv('OSSA_TEST_AUTOLOAD');
assert(is_string($autoload));
require $autoload;

[, $dsn, $options] = $argv;
/** @var array<string, mixed> $options */
$options = json_decode($options, true, flags: \JSON_THROW_ON_ERROR);
$transport = Transports::open($dsn, $options);
for (;; usleep(10_000)) {
    foreach ($transport->get() as $envelope) {
        $letter = $envelope->getMessage();
        assert($letter instanceof Letter);
        echo $letter->text, "\n";
        sleep(3600);
    }
}
