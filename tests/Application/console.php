<?php

declare(strict_types=1);

// usage: console.php FOLDER COMMAND…
// The console of the test application whose settings are in FOLDER.

use Ossa\Tests\Application\Kernel;
use Ossa\Tests\Application\Settings;
use Symfony\Bundle\FrameworkBundle\Console\Application;
use Symfony\Component\Console\Input\ArgvInput;

$arguments = $_SERVER['argv'];
assert(is_array($arguments));
$folder = $arguments[1];
$autoload = getenv('OSSA_TEST_AUTOLOAD');
assert(is_string($folder) && is_string($autoload));
require $autoload;

unset($arguments[1]);
(new Application(new Kernel(Settings::load($folder))))->run(new ArgvInput(array_values($arguments)));
