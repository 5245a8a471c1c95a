<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Form;

use Drupal\Core\File\FileSystemInterface;
use Drupal\Core\StringTranslation\StringTranslationTrait;
use Drupal\Core\StringTranslation\TranslatableMarkup;
use Drupal\Core\StringTranslation\TranslationInterface;
use Drupal\ossa_eca\Engine\ManifestRoots;
use Symfony\Component\DependencyInjection\Attribute\Autowire;

/**
 * Says which folders may be chosen in the form for manifests.
 *
 * A manifest says what code runs, so it comes with the code of the site, and
 * not from where files are uploaded.
 */
final class ManifestFolders {

  use StringTranslationTrait;

  public function __construct(
    private readonly ManifestRoots $roots,
    private readonly FileSystemInterface $fileSystem,
    #[Autowire(param: 'app.root')]
    private readonly string $root,
    TranslationInterface $stringTranslation,
  ) {
    $this->setStringTranslation($stringTranslation);
  }

  /**
   * Says why a folder cannot be used.
   *
   * @param string $folder
   *   As it was entered.
   *
   * @return \Drupal\Core\StringTranslation\TranslatableMarkup|null
   *   NULL when it can.
   */
  public function problem(string $folder): ?TranslatableMarkup {
    $path = $this->roots->resolve($folder);
    if ($path === NULL) {
      return $this->t('There is no folder %folder. Create it, or take it out.', ['%folder' => $folder]);
    }
    foreach (['public://', 'temporary://'] as $uploads) {
      $real = $this->fileSystem->realpath($uploads);
      if ($real !== FALSE && $this->isWithin($path, $real)) {
        return $this->t('The folder %folder is within %uploads, where files are uploaded. Whoever uploads a manifest would say what the site runs.', [
          '%folder' => $folder,
          '%uploads' => $uploads,
        ]);
      }
    }
    if (str_contains($folder, '://') || $this->isWithin($path, (string) realpath($this->root)) || $this->isWithin($path, dirname((string) realpath($this->root)))) {
      return NULL;
    }
    return $this->t('The folder %folder is outside the site. Put manifests below %project, into a module (%module) or into the private files (%private).', [
      '%folder' => $folder,
      '%project' => dirname($this->root),
      '%module' => 'module://NAME/FOLDER',
      '%private' => 'private://FOLDER',
    ]);
  }

  /**
   * Whether a folder is another or within it.
   *
   * @param string $path
   *   The folder.
   * @param string $other
   *   The other; the root of all folders counts as none.
   */
  private function isWithin(string $path, string $other): bool {
    return $other !== '' && $other !== '/' && str_starts_with($path . '/', $other . '/');
  }

}
