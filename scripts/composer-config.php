<?php

declare(strict_types=1);

/*
 * usage: composer-config.php HOME SOURCE…
 *
 * Writes HOME/config.json: the user's own Composer configuration with these sources of packages before the user's.
 * SOURCE is "packagist=no", "path=GLOB" (copied), "artifact=FOLDER" or "bundle=FOLDER" (linked, so that edits show at once).
 */

[, $home] = $argv;

$environment = getenv() + ['XDG_CONFIG_HOME' => getenv('HOME').'/.config'];
$userHome = $environment['COMPOSER_HOME'] ?? $environment['XDG_CONFIG_HOME'].'/composer';
$read = static fn (string $file): array => is_readable($file) ? json_decode((string) file_get_contents($file), true, flags: \JSON_THROW_ON_ERROR) : [];
$config = $read($userHome.'/config.json');

$repositories = [];
foreach (array_slice($argv, 2) as $number => $source) {
    [$kind, $place] = explode('=', $source, 2);
    $repositories += match ($kind) {
        'packagist' => ['packagist.org' => false],
        'path' => ['ossa-'.$number => ['type' => 'path', 'url' => $place, 'options' => ['symlink' => false]]],
        'artifact' => ['ossa-'.$number => ['type' => 'artifact', 'url' => $place]],
        'bundle' => ['ossa-bundle' => ['type' => 'path', 'url' => $place, 'options' => ['symlink' => true, 'versions' => ['ossa/symfony-runtime' => '0.1.0']]]],
        default => throw new InvalidArgumentException(sprintf('unknown source of packages "%s"', $source)),
    };
}
$config['repositories'] = $repositories + ($config['repositories'] ?? []);

$json = json_encode($config, \JSON_PRETTY_PRINT | \JSON_UNESCAPED_SLASHES | \JSON_THROW_ON_ERROR)."\n";
if ($json !== @file_get_contents($home.'/config.json')) {
    file_put_contents($home.'/config.json', $json);
}
if (is_readable($userHome.'/auth.json') && !file_exists($home.'/auth.json')) {
    symlink($userHome.'/auth.json', $home.'/auth.json');
}
