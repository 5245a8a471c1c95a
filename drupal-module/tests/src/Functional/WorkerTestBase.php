<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Functional;

use Composer\InstalledVersions;
use Drupal\Component\Render\FormattableMarkup;
use Drupal\Core\Logger\RfcLogLevel;
use Drupal\Core\Render\Markup;
use Drupal\ossa_eca_effects_test\Effects;
use Symfony\Component\Process\Process;

/**
 * A booted site whose queues are worked off by drush, in processes of its own.
 */
abstract class WorkerTestBase extends OssaBrowserTestBase {

  /**
   * {@inheritdoc}
   *
   * @var list<string>
   */
  protected static $modules = ['dblog', 'ossa_eca', 'ossa_eca_effects_test'];

  /**
   * {@inheritdoc}
   */
  protected function setUp(): void {
    if (!InstalledVersions::isInstalled('drush/drush')) {
      self::markTestSkipped('Drush is not on this site.');
    }
    parent::setUp();
    // What a killed worker held is free again after seconds, as few as allowed.
    $this->config('ossa_eca.settings')
      ->set('manifest_paths', ['module://ossa_eca_effects_test/manifests'])
      ->set('lease_seconds', 5)
      ->save();
  }

  /**
   * What was done.
   */
  protected function effects(): Effects {
    return $this->container->get(Effects::class);
  }

  /**
   * Starts drush on the site of the test, as a process of its own.
   *
   * @param string ...$arguments
   *   Its arguments.
   */
  protected function startDrush(string ...$arguments): Process {
    $drush = InstalledVersions::getInstallPath('drush/drush') . '/drush.php';
    $process = new Process(
      [PHP_BINARY, $drush, "--root=$this->root", '--no-interaction', ...$arguments],
      $this->root,
      ['HTTP_USER_AGENT' => drupal_generate_test_ua($this->databasePrefix)],
    );
    $process->setTimeout(300)->start();
    return $process;
  }

  /**
   * Has drush do something.
   *
   * @param string ...$arguments
   *   Its arguments.
   */
  protected function drush(string ...$arguments): void {
    $process = $this->startDrush(...$arguments);
    $status = $process->wait();
    $said = $process->getOutput() . $process->getErrorOutput() . implode("\n", $this->complaints());
    self::assertSame(0, $status, "drush $arguments[0]: $said");
  }

  /**
   * Has cron and workers run until no run is in flight.
   */
  protected function workItAllOff(): void {
    $this->waitFor('all runs to end', function (): bool {
      $this->drush('cron');
      $this->drush('queue:run', 'ossa_step:normal');
      return $this->runs()->countInFlight(1) === 0;
    });
  }

  /**
   * Waits for something, for two minutes at most.
   *
   * @param string $what
   *   What, for the failure.
   * @param \Closure(): bool $itIsThere
   *   Whether it has come.
   */
  protected function waitFor(string $what, \Closure $itIsThere): void {
    $end = time() + 120;
    while (!$itIsThere()) {
      self::assertLessThan($end, time(), "Waited in vain for $what.");
      usleep(10000);
    }
  }

  /**
   * What the log holds that is worse than a notice.
   *
   * @return list<string>
   *   The messages.
   */
  protected function complaints(): array {
    return $this->logged('severity', RfcLogLevel::NOTICE, '<');
  }

  /**
   * What the log holds.
   *
   * @param string $column
   *   A column of the log.
   * @param string|int $value
   *   What it is compared with.
   * @param string $operator
   *   How.
   *
   * @return list<string>
   *   The messages.
   */
  protected function logged(string $column, string|int $value, string $operator = '='): array {
    $messages = [];
    $query = $this->container->get('database')->select('watchdog', 'w')
      ->fields('w', ['message', 'variables'])
      ->condition($column, $value, $operator)
      ->orderBy('wid');
    foreach ($query->execute() ?? [] as $row) {
      ['message' => $message, 'variables' => $variables] = (array) $row;
      // As the page of the log does.
      $variables = unserialize($variables, ['allowed_classes' => [Markup::class]]);
      $messages[] = html_entity_decode(strip_tags((string) new FormattableMarkup($message, is_array($variables) ? $variables : [])));
    }
    return $messages;
  }

}
