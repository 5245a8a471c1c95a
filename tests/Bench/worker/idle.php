<?php

declare(strict_types=1);

// usage: idle.php VARIANT FOLDER MESSAGES
// Symfony's Worker as messenger:consume runs it; prints the milliseconds each message waited.

use Ossa\Tests\Bench\BenchMessage;
use Ossa\Tests\Bench\Variants;
use Symfony\Component\EventDispatcher\EventDispatcher;
use Symfony\Component\Messenger\EventListener\StopWorkerOnMessageLimitListener;
use Symfony\Component\Messenger\Handler\HandlersLocator;
use Symfony\Component\Messenger\MessageBus;
use Symfony\Component\Messenger\Middleware\HandleMessageMiddleware;
use Symfony\Component\Messenger\Worker;

require $_SERVER['OSSA_AUTOLOAD'] ?? throw new LogicException('OSSA_AUTOLOAD is not set.');

[, $variant, $folder, $messages] = $argv;
$bus = new MessageBus([new HandleMessageMiddleware(new HandlersLocator([
    BenchMessage::class => [static function (BenchMessage $message): void {
        fprintf(\STDOUT, "%.3f\n", (microtime(true) - $message->sentAt) * 1e3);
    }],
]))]);
$events = new EventDispatcher();
$events->addSubscriber(new StopWorkerOnMessageLimitListener((int) $messages));
// One second between looks at an empty transport is what messenger:consume does unless told otherwise.
(new Worker(['bench' => (Variants::named($variant)->open)($folder)], $bus, $events))->run(['sleep' => 1_000_000]);
