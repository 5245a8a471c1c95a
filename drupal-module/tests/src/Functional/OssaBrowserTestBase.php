<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Functional;

use Drupal\Tests\BrowserTestBase;
use Drupal\ossa_eca\Engine\EngineProvider;
use Drupal\ossa_eca\Queue\StepQueues;
use Drupal\ossa_eca\Runs;
use Drupal\ossa_eca\StartOptions;

/**
 * A site with the module, a browser without JavaScript, and manifests to run.
 */
abstract class OssaBrowserTestBase extends BrowserTestBase {

  /**
   * {@inheritdoc}
   *
   * @var list<string>
   */
  protected static $modules = ['ossa_eca', 'ossa_eca_test'];

  /**
   * {@inheritdoc}
   *
   * @var string
   */
  protected $defaultTheme = 'stark';

  /**
   * {@inheritdoc}
   */
  protected function setUp(): void {
    if (!$this->isWithoutExtension() && EngineProvider::version() === NULL) {
      self::markTestSkipped('The PHP extension "ossa" is not loaded.');
    }
    if (!class_exists('Drupal\eca\Entity\Eca')) {
      self::markTestSkipped('ECA is not on this site.');
    }
    parent::setUp();
    $this->config('ossa_eca.settings')->set('manifest_paths', ['module://ossa_eca_test/manifests'])->save();
  }

  /**
   * Whether the test is about a site without the extension.
   */
  protected function isWithoutExtension(): bool {
    return FALSE;
  }

  /**
   * The runs, as another process sees them.
   */
  protected function runs(): Runs {
    $runs = $this->container->get(Runs::class);
    assert($runs instanceof Runs);
    return $runs;
  }

  /**
   * Works off the queues.
   */
  protected function work(): void {
    do {
      $found = FALSE;
      foreach (StartOptions::PRIORITIES as $priority) {
        $name = StepQueues::name($priority);
        $queue = $this->container->get('queue')->get($name);
        while (is_object($item = $queue->claimItem())) {
          assert(isset($item->data));
          $this->container->get('plugin.manager.queue_worker')->createInstance($name)->processItem($item->data);
          $queue->deleteItem($item);
          $found = TRUE;
        }
      }
    } while ($found);
  }

  /**
   * Logs a user in who has these permissions and no other.
   *
   * @param list<string> $permissions
   *   The permissions.
   */
  protected function logInWith(array $permissions): void {
    $account = $this->drupalCreateUser($permissions);
    assert($account !== FALSE);
    $this->drupalLogin($account);
  }

}
