<?php

declare(strict_types=1);

// Runs without the extension, whose classes would be in the way, and prints what the stubs say as JSON.

use Ossa\Tests\Extension\Support\Api;

require __DIR__.'/../Support/Api.php';
foreach (new GlobIterator(__DIR__.'/../../../ext/stubs/*.php', FilesystemIterator::CURRENT_AS_PATHNAME) as $stub) {
    require $stub;
}

$described = ['VERSION' => Ossa\Runtime\VERSION, 'classes' => []];
foreach (Api::classes() as $class) {
    $described['classes'][$class] = Api::describe($class);
}
echo json_encode($described, \JSON_THROW_ON_ERROR);
