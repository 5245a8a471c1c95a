<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Functional;

use Drupal\ossa_eca\Engine\EngineProvider;

/**
 * A site whose PHP lacks the extension says so, and goes on.
 *
 * @group ossa_eca
 * @group without_extension
 */
final class MissingExtensionTest extends OssaBrowserTestBase {

  private const MESSAGE = 'The PHP extension "ossa" is not loaded.';

  /**
   * {@inheritdoc}
   */
  protected function setUp(): void {
    if (EngineProvider::version() !== NULL) {
      self::markTestSkipped('The PHP extension "ossa" is loaded; this is about PHP without it.');
    }
    parent::setUp();
  }

  /**
   * {@inheritdoc}
   */
  protected function isWithoutExtension(): bool {
    return TRUE;
  }

  /**
   * Every page is there, with a message of what to do.
   */
  public function testPagesSayThatTheExtensionIsMissing(): void {
    $this->logInWith([
      'view ossa runs',
      'manage ossa runs',
      'decide ossa steps',
      'administer ossa_eca',
      'administer site configuration',
    ]);
    $run = 'admin/reports/ossa/00000000-0000-7000-8000-000000000000';
    $pages = ['', '/retry', '/cancel', '/decide'];
    foreach ([
      'admin/reports/ossa',
      'admin/reports/ossa/dead-letters',
      ...array_map(static fn (string $page): string => $run . $page, $pages),
      'admin/config/workflow/ossa',
      'admin/reports/status',
    ] as $page) {
      $this->drupalGet($page);
      $this->assertSession()->statusCodeEquals(200);
      $this->assertSession()->pageTextContains(self::MESSAGE);
    }
  }

}
