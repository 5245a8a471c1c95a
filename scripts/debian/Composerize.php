<?php

declare(strict_types=1);

/*
 * usage: Composerize.php FOLDER
 *
 * Makes each unpacked Debian package below FOLDER (usr/… and a file "control") a Composer package, so that a path repository can offer it.
 * Debian leaves composer.json out; what Composer needs of it can be read from the package itself.
 */

exit((new Composerize($argv[1] ?? ''))->run());

final class Composerize
{
    /** Debian names that do not spell the Composer name; the rest is in the packages or follows from the name. */
    private const IRREGULAR = ['php-twig' => 'twig/twig', 'php-monolog' => 'monolog/monolog'];

    public function __construct(private readonly string $folder)
    {
    }

    public function run(): int
    {
        $names = [];
        foreach ($this->entries($this->folder.'/*') as $package) {
            if (is_dir($package.'/usr/share/php')) {
                $names[basename($package)] = $this->composerName($package);
            } else {
                // It stands for an extension, which the system's own PHP has.
                $this->remove($package);
            }
        }
        if ([] === $names) {
            fwrite(\STDERR, "no unpacked PHP package below \"{$this->folder}\"\n");

            return 1;
        }
        foreach ($names as $debianName => $composerName) {
            $package = $this->folder.'/'.$debianName;
            $json = json_encode($this->describe($package, $composerName, $names), \JSON_PRETTY_PRINT | \JSON_UNESCAPED_SLASHES | \JSON_THROW_ON_ERROR);
            file_put_contents($package.'/composer.json', $json."\n");
        }

        return 0;
    }

    /**
     * @param array<string, string> $names Debian name to Composer name
     *
     * @return array<string, mixed>
     */
    private function describe(string $package, string $composerName, array $names): array
    {
        $control = $this->control($package);

        $description = [
            'name' => $composerName,
            'description' => $control['Description'] ?? $composerName,
            'version' => $this->upstreamVersion($control['Version']),
            'type' => str_ends_with($composerName, '-bundle') ? 'symfony-bundle' : 'library',
            'require' => $this->requirements($composerName, $control['Depends'] ?? '', $names),
            // The tree stays as Debian ships it: PHPUnit finds its schema by a relative path.
            'autoload' => ['classmap' => ['usr/share/php'], 'files' => $this->functionFiles($package)],
            'bin' => array_map(static fn (string $file): string => 'usr/bin/'.basename($file), $this->entries($package.'/usr/bin/*')),
        ];

        return array_filter($description, static fn (mixed $value): bool => [] !== $value);
    }

    private function composerName(string $package): string
    {
        foreach ($this->entries($package.'/usr/share/pkg-php-tools/autoloaders/*') as $file) {
            [$vendor, $name] = explode(' ', (string) file_get_contents($file));

            return $vendor.'/'.$name;
        }
        $debianName = basename($package);

        return self::IRREGULAR[$debianName]
            ?? preg_replace(['~^php-phar-io-~', '~^php-([^-/]+)-~'], ['phar-io/', '$1/'], $debianName)
            ?? throw new RuntimeException('no Composer name for '.$debianName);
    }

    /** @return array<string, string> */
    private function control(string $package): array
    {
        preg_match_all('/^(\w+): (.*)$/m', (string) file_get_contents($package.'/control'), $fields);

        return array_combine($fields[1], $fields[2]);
    }

    /** "1:6.4.41+dfsg-0+deb13u1" is upstream's 6.4.41. */
    private function upstreamVersion(string $version): string
    {
        return preg_replace(['/^\d+:/', '/-[^-]*$/', '/[+~].*$/'], '', $version) ?? $version;
    }

    /**
     * One suite holds one version of each package, so a constraint beside the name would choose nothing.
     * Debian drops the polyfills its own PHP can do without; Symfony's packages get back those the suite has, for an older PHP.
     *
     * @param array<string, string> $names
     *
     * @return array<string, string>
     */
    private function requirements(string $composerName, string $depends, array $names): array
    {
        $require = [];
        foreach (explode(',', $depends) as $dependency) {
            $debianName = (string) strtok(trim($dependency), ' :');
            if (isset($names[$debianName])) {
                $require[$names[$debianName]] = '*';
            }
        }
        if (1 === preg_match('~^symfony/(?!polyfill-)~', $composerName)) {
            $require += array_fill_keys(array_filter($names, static fn (string $name): bool => str_starts_with($name, 'symfony/polyfill-php')), '*');
        }
        ksort($require);

        return $require;
    }

    /**
     * Files that define functions: what the package's autoload.php requires besides other packages' autoloaders.
     *
     * @return list<string>
     */
    private function functionFiles(string $package): array
    {
        $files = [];
        foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator($package.'/usr/share/php', FilesystemIterator::SKIP_DOTS)) as $file) {
            if ('autoload.php' !== strtolower($file->getFilename())) {
                continue;
            }
            preg_match_all('~^require(?:_once)? __DIR__ ?\. ?\'(/[^\']+\.php)\';~m', (string) file_get_contents($file->getPathname()), $required);
            foreach ($required[1] as $path) {
                if ('autoload.php' !== strtolower(basename($path))) {
                    $files[] = substr($file->getPath(), strlen($package) + 1).$path;
                }
            }
        }
        sort($files);

        return $files;
    }

    /** @return list<string> */
    private function entries(string $pattern): array
    {
        $entries = glob($pattern);

        return false === $entries ? [] : $entries;
    }

    private function remove(string $folder): void
    {
        foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator($folder, FilesystemIterator::SKIP_DOTS), RecursiveIteratorIterator::CHILD_FIRST) as $entry) {
            $entry->isDir() && !$entry->isLink() ? rmdir($entry->getPathname()) : unlink($entry->getPathname());
        }
        rmdir($folder);
    }
}
