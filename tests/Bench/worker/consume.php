<?php

declare(strict_types=1);

// usage: consume.php VARIANT FOLDER MESSAGES SECONDS
// Opens the transport, prints a line, waits for one, and consumes. Then prints as JSON how many messages it handled, when it
// began and ended (nanoseconds of a clock that all processes share), and its resident memory in KiB after so many messages.

use Ossa\Tests\Bench\Consumer;
use Ossa\Tests\Bench\Variants;

require $_SERVER['OSSA_AUTOLOAD'] ?? throw new LogicException('OSSA_AUTOLOAD is not set.');

[, $variant, $folder, $messages, $seconds] = $argv;
$memory = static function (): int {
    preg_match('/^VmRSS:\s+(\d+)/m', (string) file_get_contents('/proc/self/status'), $match);

    return (int) ($match[1] ?? 0);
};
$handled = 0;
$sizes = [];
$consumer = new Consumer((Variants::named($variant)->open)($folder), static function () use (&$handled, &$sizes, $memory): void {
    if (in_array(++$handled, [10_000, 100_000, 1_000_000], true)) {
        $sizes[$handled] = $memory();
    }
});
echo "ready\n";
fgets(\STDIN);
$began = hrtime(true);
[$count, $ended] = $consumer->run((int) $messages, (float) $seconds);
echo json_encode(['handled' => $count, 'began' => $began, 'ended' => $ended, 'memory' => $sizes], \JSON_THROW_ON_ERROR)."\n";
