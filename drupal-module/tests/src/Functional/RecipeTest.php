<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Functional;

use Drupal\FunctionalTests\Core\Recipe\RecipeTestTrait;
use Drupal\Tests\ExtensionListTestTrait;

/**
 * The examples of the recipe at work, from the pages of a site to its log.
 *
 * @group ossa_eca
 */
final class RecipeTest extends WorkerTestBase {

  use ExtensionListTestTrait;
  use RecipeTestTrait;

  /**
   * {@inheritdoc}
   *
   * @var list<string>
   */
  protected static $modules = ['node'];

  /**
   * {@inheritdoc}
   */
  protected function setUp(): void {
    parent::setUp();
    $this->drupalCreateContentType(['type' => 'article']);
    $this->applyRecipe($this->getModulePath('ossa_eca') . '/recipes/ossa_eca_examples');
    $this->logInWith(['access content', 'create article content', 'administer nodes']);
  }

  /**
   * Content that is published is told of.
   */
  public function testPublishedContentIsToldOf(): void {
    $this->post('Ada', TRUE);
    $this->drush('queue:run', 'ossa_step:normal');
    self::assertSame(['Published: Ada'], $this->told());
    self::assertSame([], $this->complaints());
  }

  /**
   * Content that is not waits for a person, and is published on approval.
   */
  public function testApprovedContentIsPublished(): void {
    $this->post('Draft', FALSE);
    // The workflow waits, and that is told in the same worker.
    $this->drush('cron');
    $this->drush('cron');
    [$run] = $this->runs()->list(['workflow' => 'review']);
    self::assertSame('waiting', $run->getStatus());
    self::assertSame(["To be decided: Draft (run {$run->getId()}, step decide)"], $this->told());

    $this->drush('ossa:decide', $run->getId(), 'decide', 'approve');
    $this->drush('cron');
    $this->drupalLogout();
    $this->drupalGet('node/1');
    $this->assertSession()->statusCodeEquals(200);
    $this->drush('cron');
    self::assertContains('Published: Draft', $this->told());
    self::assertSame([], $this->complaints());
  }

  /**
   * A task that has failed raises an alert, once.
   */
  public function testFailedTaskRaisesAnAlert(): void {
    $id = $this->runs()->start('doomed');
    $this->workItAllOff();
    $this->drush('cron');
    $this->drush('cron');
    self::assertSame(["doomed failed: The printer is on fire. (CAPABILITY_ERROR, run $id)"], $this->told());
  }

  /**
   * The module goes, and its models with it, without a complaint.
   */
  public function testModuleIsUninstalledWithItsModels(): void {
    $this->drush('pm:uninstall', 'ossa_eca_effects_test', 'ossa_eca_test', 'ossa_eca');
    $this->drush('cron');
    $left = array_filter($this->container->get('config.storage')->listAll(), static fn (string $name): bool => str_contains($name, 'ossa'));
    self::assertSame([], $left);
    self::assertSame([], $this->container->get('database')->schema()->findTables('ossa_eca_%'));
    self::assertSame([], $this->complaints());
  }

  /**
   * Writes an article.
   *
   * @param string $title
   *   Its title.
   * @param bool $published
   *   Whether it is published.
   */
  private function post(string $title, bool $published): void {
    $this->drupalGet('node/add/article');
    $this->submitForm(['title[0][value]' => $title, 'status[value]' => $published], 'Save');
  }

  /**
   * What the task "notify" has told.
   *
   * @return list<string>
   *   The texts.
   */
  private function told(): array {
    return $this->logged('type', 'ossa_examples');
  }

}
