<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Console;

/**
 * Finds manifest files.
 *
 * @internal
 */
final class ManifestFiles
{
    /** @return list<string>|null the file itself, or the manifests below a folder in a stable order; null when it cannot be read */
    public static function below(string $path): ?array
    {
        if (!is_readable($path)) {
            return null;
        }
        if (!is_dir($path)) {
            return [$path];
        }
        $files = [];
        try {
            foreach (new \RecursiveIteratorIterator(new \RecursiveDirectoryIterator($path, \FilesystemIterator::SKIP_DOTS)) as $file) {
                \assert($file instanceof \SplFileInfo);
                if ($file->isFile() && \in_array(strtolower($file->getExtension()), ['yaml', 'yml', 'json'], true)) {
                    $files[] = $file->getPathname();
                }
            }
        } catch (\UnexpectedValueException) {
            return null;
        }
        sort($files);

        return $files;
    }
}
