<?php

declare(strict_types=1);

// usage: proxy.php PORT
// A network between clients and the server at PORT of 127.0.0.1, for tests. Prints its own port, and goes when its standard
// input is closed. A line there is an order, in milliseconds; afterwards all is as before:
//   cut FOR        ends all connections and refuses new ones
//   stall FOR      nothing arrives, and nobody is told
//   delay FOR BY   all arrives that much later

use Ossa\Tests\Support\ProxyLoop;

require __DIR__.'/ProxyWay.php';
require __DIR__.'/ProxyLoop.php';

$arguments = $_SERVER['argv'];
assert(is_array($arguments) && is_string($arguments[1] ?? null));
$proxy = new ProxyLoop((int) $arguments[1], \STDIN);
echo parse_url('tcp://'.$proxy->address, \PHP_URL_PORT)."\n";
$proxy->run();
