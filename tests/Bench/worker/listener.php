<?php

declare(strict_types=1);

// usage: listener.php DSN MESSAGES
// Takes messages of a channel as they come; prints the milliseconds each took from before it was published.

use Ossa\Runtime\Engine;

[, $dsn, $messages] = $argv;
$channels = Engine::open($dsn)->channels();
for ($left = (int) $messages; $left > 0;) {
    foreach ($channels->receive(['listener'], 1, 1000) as $delivery) {
        $payload = $delivery->getPayload();
        $sentAt = is_array($payload) && is_float($payload['sent_at'] ?? null) ? $payload['sent_at'] : 0.0;
        fprintf(\STDOUT, "%.3f\n", (microtime(true) - $sentAt) * 1e3);
        $channels->ack($delivery);
        --$left;
    }
}
