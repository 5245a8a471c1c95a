<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Engine;

use Drupal\Core\Config\ConfigFactoryInterface;
use Drupal\Core\Extension\Exception\UnknownExtensionException;
use Drupal\Core\Extension\ModuleExtensionList;
use Drupal\Core\File\FileSystemInterface;
use Symfony\Component\DependencyInjection\Attribute\Autowire;

/**
 * The folders in which manifests are looked for.
 */
final readonly class ManifestRoots {

  public function __construct(
    private ConfigFactoryInterface $configFactory,
    private ModuleExtensionList $modules,
    private FileSystemInterface $fileSystem,
    #[Autowire(param: 'app.root')]
    private string $root,
  ) {}

  /**
   * The configured folders that are there.
   *
   * @return list<string>
   *   Absolute paths.
   */
  public function paths(): array {
    $paths = array_map($this->resolve(...), $this->configured());
    return array_values(array_unique(array_filter($paths)));
  }

  /**
   * The configured folders that are not there.
   *
   * @return list<string>
   *   As configured.
   */
  public function missing(): array {
    return array_values(array_filter($this->configured(), fn (string $path): bool => $this->resolve($path) === NULL));
  }

  /**
   * Finds a manifest file.
   *
   * @param string $path
   *   An absolute path, or one relative to a folder of manifests.
   *
   * @return string|null
   *   The absolute path; NULL when no such file is in one of the folders, as
   *   for one that leads out of them.
   */
  public function file(string $path): ?string {
    foreach ($this->paths() as $root) {
      $file = realpath(str_starts_with($path, '/') ? $path : $root . '/' . $path);
      if ($file !== FALSE && is_file($file) && str_starts_with($file, $root . '/')) {
        return $file;
      }
    }
    return NULL;
  }

  /**
   * The absolute path of a folder.
   *
   * @param string $path
   *   A folder as configured.
   *
   * @return string|null
   *   The path, or NULL when there is no such folder.
   */
  public function resolve(string $path): ?string {
    if (preg_match('#^module://([a-z0-9_]+)(/.*)?$#', $path, $parts) === 1) {
      try {
        $path = $this->modules->getPath($parts[1]) . ($parts[2] ?? '');
      }
      catch (UnknownExtensionException) {
        return NULL;
      }
    }
    elseif (str_contains($path, '://')) {
      $path = (string) $this->fileSystem->realpath($path);
    }
    if ($path === '') {
      return NULL;
    }
    $path = realpath(str_starts_with($path, '/') ? $path : $this->root . '/' . $path);
    return $path !== FALSE && is_dir($path) ? $path : NULL;
  }

  /**
   * The folders of the settings.
   *
   * @return list<string>
   *   As configured.
   */
  private function configured(): array {
    $paths = $this->configFactory->get('ossa_eca.settings')->get('manifest_paths');
    return array_values(array_filter(is_array($paths) ? $paths : [], is_string(...)));
  }

}
