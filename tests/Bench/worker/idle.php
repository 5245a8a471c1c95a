<?php

declare(strict_types=1);

// usage: idle.php VARIANT FOLDER MESSAGES
// Symfony's Worker as messenger:consume runs it; prints the milliseconds each message waited.

use Ossa\Tests\Bench\BenchMessage;
use Ossa\Tests\Bench\Consumer;
use Ossa\Tests\Bench\Variants;

require $_SERVER['OSSA_AUTOLOAD'] ?? throw new LogicException('OSSA_AUTOLOAD is not set.');

[, $variant, $folder, $messages] = $argv;
$consumer = new Consumer((Variants::named($variant)->open)($folder), static function (BenchMessage $message): void {
    fprintf(\STDOUT, "%.3f\n", (microtime(true) - $message->sentAt) * 1e3);
});
// One second between looks at an empty transport is what messenger:consume does unless told otherwise.
$consumer->run((int) $messages, 3600.0, 1_000_000, 3600.0);
