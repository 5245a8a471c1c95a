<?php

declare(strict_types=1);

// What a queued task of one step costs on the Drupal site of OSSA_DRUPAL: medians of the module's OverheadBenchmark.

use Ossa\Tests\Bench\Bars;
use Ossa\Tests\Bench\Table;
use Ossa\Tests\Bench\TemporaryFolder;

require $_SERVER['OSSA_AUTOLOAD'] ?? throw new LogicException('OSSA_AUTOLOAD is not set.');

if ('' === (string) getenv('OSSA_DRUPAL')) {
    exit("skipped: drupal because OSSA_DRUPAL names no Drupal site\n");
}
$folder = new TemporaryFolder();
putenv("OSSA_BENCH_OUTPUT=$folder->path/medians.json");
exec(escapeshellarg(dirname(__DIR__, 2).'/scripts/drupal-tests').' drupal-module/tests/src/Functional/OverheadBenchmark.php 2>&1', $output, $status);
if (0 !== $status) {
    exit(implode("\n", $output)."\n");
}
$medians = json_decode((string) file_get_contents($folder->path.'/medians.json'), true, flags: \JSON_THROW_ON_ERROR);
printf("a queued task of one step on Drupal %s and SQLite, from its start to its output\n", $medians['drupal']);
Table::print(['item of a queue', 'median ms'], [
    ['that does nothing', sprintf('%.2f', $medians['nothing'])],
    ['that is a task', sprintf('%.2f', $medians['task'])],
]);
$bars = new Bars();
$bars->atMost('overhead of the task', $medians['overhead'], 3, 'ms');
$bars->print();
