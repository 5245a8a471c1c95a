<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Kernel;

use Drupal\Core\Queue\QueueInterface;
use Drupal\KernelTests\KernelTestBase;
use Drupal\ossa_eca\Engine\EngineProvider;
use Drupal\ossa_eca\Queue\StepQueues;
use Drupal\ossa_eca\Runs;
use Drupal\ossa_eca\StartOptions;
use Drupal\ossa_eca\Store\SiteTables;

/**
 * A site with the module, without ECA, and with manifests to run.
 */
abstract class OssaKernelTestBase extends KernelTestBase {

  /**
   * {@inheritdoc}
   *
   * @var list<string>
   */
  protected static $modules = ['system', 'user', 'ossa_eca', 'ossa_eca_test'];

  /**
   * {@inheritdoc}
   */
  protected function setUp(): void {
    if (EngineProvider::version() === NULL) {
      $this->markTestSkipped('The PHP extension "ossa" is not loaded.');
    }
    parent::setUp();
    $this->installEntitySchema('user');
    $this->installConfig(['ossa_eca']);
    $this->setting('manifest_paths', ['module://ossa_eca_test/manifests']);
    // As hook_install() does.
    $this->service(SiteTables::class)->create();
    self::assertNull($this->service(EngineProvider::class)->problem());
  }

  /**
   * Changes a setting of the module.
   *
   * @param string $key
   *   The key.
   * @param mixed $value
   *   Its new value.
   */
  protected function setting(string $key, mixed $value): void {
    $this->config('ossa_eca.settings')->set($key, $value)->save();
  }

  /**
   * A service of the module.
   *
   * @param class-string<T> $class
   *   Its class.
   *
   * @return T
   *   The service.
   *
   * @template T of object
   */
  protected function service(string $class): object {
    $service = $this->container->get($class);
    assert($service instanceof $class);
    return $service;
  }

  /**
   * The runs.
   */
  protected function runs(): Runs {
    return $this->service(Runs::class);
  }

  /**
   * The queue of a priority.
   *
   * @param string $priority
   *   The priority.
   */
  protected function queue(string $priority = 'normal'): QueueInterface {
    return $this->container->get('queue')->get(StepQueues::name($priority));
  }

  /**
   * What is next in a queue.
   *
   * @param string $name
   *   Name of the queue.
   */
  protected function next(string $name): mixed {
    $item = $this->container->get('queue')->get($name)->claimItem();
    return is_object($item) && isset($item->data) ? $item->data : NULL;
  }

  /**
   * Works off the queues as cron does, until they are empty.
   *
   * @return list<string>
   *   The names of the queues, in the order in which items were worked off.
   */
  protected function work(): array {
    $worked = [];
    do {
      $found = FALSE;
      foreach (StartOptions::PRIORITIES as $priority) {
        $name = StepQueues::name($priority);
        while (is_object($item = $this->queue($priority)->claimItem())) {
          assert(isset($item->data));
          $this->container->get('plugin.manager.queue_worker')->createInstance($name)->processItem($item->data);
          $this->queue($priority)->deleteItem($item);
          $worked[] = $name;
          $found = TRUE;
        }
      }
    } while ($found);
    return $worked;
  }

}
