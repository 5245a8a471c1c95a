<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Kernel;

use Drupal\Core\Queue\SuspendQueueException;
use Drupal\KernelTests\KernelTestBase;
use Drupal\ossa_eca\Engine\EngineProvider;
use Drupal\ossa_eca\Engine\EngineUnavailableException;
use Drupal\ossa_eca\InFlightUninstallValidator;
use Drupal\ossa_eca\Runs;
use Drupal\ossa_eca\StatusReport;

/**
 * Without the PHP extension nothing works, and nothing breaks.
 *
 * @group ossa_eca
 * @group without_extension
 */
final class WithoutExtensionTest extends KernelTestBase {

  /**
   * {@inheritdoc}
   *
   * @var list<string>
   */
  protected static $modules = ['system', 'user', 'ossa_eca'];

  /**
   * {@inheritdoc}
   */
  protected function setUp(): void {
    if (EngineProvider::version() !== NULL) {
      $this->markTestSkipped('The PHP extension "ossa" is loaded.');
    }
    parent::setUp();
    $this->installConfig(['ossa_eca']);
  }

  /**
   * The status report says what to do.
   */
  public function testStatusReportSaysWhatToDo(): void {
    $entry = $this->container->get(StatusReport::class)->entries()['ossa_eca_engine'];
    self::assertSame(2, $entry['severity']);
    self::assertStringContainsString('extension=ossa', $entry['description']['#plain_text']);
  }

  /**
   * A start is refused with an exception, not with an error.
   */
  public function testStartIsRefusedWithAnException(): void {
    $this->expectException(EngineUnavailableException::class);
    $this->container->get(Runs::class)->start('greet');
  }

  /**
   * What is queued stays in its queue.
   */
  public function testQueuedStepStaysInItsQueue(): void {
    $this->expectException(SuspendQueueException::class);
    $this->container->get('plugin.manager.queue_worker')->createInstance('ossa_step:normal')->processItem('token');
  }

  /**
   * Cron runs and says once what is wrong; the module can be uninstalled.
   */
  public function testCronAndUninstallWork(): void {
    $log = new LogCollector();
    $this->container->get('logger.factory')->addLogger($log);
    self::assertTrue($this->container->get('cron')->run());
    self::assertCount(1, $log->above('notice'));
    self::assertStringContainsString('extension=ossa', $log->of('error')[0] ?? '');
    self::assertSame([], $this->container->get(InFlightUninstallValidator::class)->validate('ossa_eca'));
    $this->container->get('module_handler')->loadInclude('ossa_eca', 'install');
    ossa_eca_install(FALSE);
    ossa_eca_uninstall(FALSE);
  }

}
