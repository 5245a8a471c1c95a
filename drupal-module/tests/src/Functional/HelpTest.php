<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Functional;

/**
 * Help and links on the site.
 *
 * @group ossa_eca
 */
final class HelpTest extends OssaBrowserTestBase {

  /**
   * {@inheritdoc}
   *
   * @var list<string>
   */
  protected static $modules = ['block', 'help', 'ossa_eca', 'ossa_eca_test'];

  /**
   * The help of the module leads to its pages.
   */
  public function testHelpLeadsToThePages(): void {
    $this->drupalPlaceBlock('help_block');
    $this->drupalPlaceBlock('local_tasks_block');
    $this->logInWith([
      'access help pages',
      'administer ossa_eca',
      'view ossa runs',
      'access administration pages',
      'access site reports',
    ]);
    $this->drupalGet('admin/help/ossa_eca');
    $this->assertSession()->statusCodeEquals(200);
    $this->clickLink('settings');
    $this->assertSession()->addressEquals('admin/config/workflow/ossa');
    $this->drupalGet('admin/help/ossa_eca');
    $this->clickLink('list of runs');
    $this->assertSession()->addressEquals('admin/reports/ossa');
    $this->assertSession()->pageTextContains('Failed ones stay here until their retention is over');
    $this->clickLink('Dead letters');
    $this->assertSession()->addressEquals('admin/reports/ossa/dead-letters');
    foreach (['admin/reports' => 'OSSA runs', 'admin/config' => 'OSSA'] as $page => $link) {
      $this->drupalGet($page);
      $this->assertSession()->linkExists($link);
    }
  }

}
