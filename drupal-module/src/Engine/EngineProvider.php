<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Engine;

use Drupal\Core\Config\ConfigFactoryInterface;
use Drupal\Core\Config\ImmutableConfig;
use Drupal\Core\Database\Connection;
use Drupal\Core\Site\Settings;
use Drupal\ossa_eca\Store\DrupalConnection;
use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ArgumentException;
use Ossa\Runtime\Exception\InputException;
use Ossa\Runtime\Exception\ManifestException;

/**
 * Opens the engine as the settings say, when it is first asked for.
 */
final class EngineProvider {

  /**
   * The oldest version of the extension that the module works with.
   */
  public const MINIMUM_VERSION = '0.1.0';

  /**
   * What the names of the tables begin with, after the prefix of the site.
   */
  public const TABLE_PREFIX = 'ossa_eca_';

  /**
   * The queue of the engine that is relayed to the queues of Drupal.
   */
  private const QUEUED = 'default';

  /**
   * The queue of what is run in the process that started it.
   */
  public const AT_ONCE = 'at_once';

  /**
   * Open engines, by the queue that steps of their runs go to.
   *
   * @var array<string, \Ossa\Runtime\Engine>
   */
  private array $engines = [];

  /**
   * The connection of the engines that keep runs in the database of the site.
   */
  private ?DrupalConnection $connection = NULL;

  public function __construct(
    private readonly Connection $database,
    private readonly ConfigFactoryInterface $configFactory,
    private readonly ManifestRoots $roots,
  ) {}

  /**
   * The engine.
   *
   * @return \Ossa\Runtime\Engine
   *   Steps of runs that it starts go to Drupal's queues.
   *
   * @throws \Drupal\ossa_eca\Engine\EngineUnavailableException
   *   When the extension is missing or too old, or a setting is wrong.
   */
  public function engine(): Engine {
    return $this->engines[self::QUEUED] ??= $this->open(self::QUEUED);
  }

  /**
   * The same engine, for runs that are carried out where they are started.
   *
   * @return \Ossa\Runtime\Engine
   *   Steps of runs that it starts wait in a queue of their own.
   *
   * @throws \Drupal\ossa_eca\Engine\EngineUnavailableException
   *   As engine().
   */
  public function engineAtOnce(): Engine {
    return $this->engines[self::AT_ONCE] ??= $this->open(self::AT_ONCE);
  }

  /**
   * Says why the engine cannot be used.
   *
   * @return string|null
   *   What to do, in English and without markup; NULL when it can be used.
   */
  public function problem(): ?string {
    try {
      $this->engine()->runs(['limit' => 1]);
      return NULL;
    }
    catch (\Throwable $throwable) {
      return $throwable->getMessage();
    }
  }

  /**
   * Says what is wrong with a store before it is used.
   *
   * @param string $dsn
   *   DSN of the engine; empty for the database of the site.
   *
   * @return string|null
   *   NULL when runs can be kept there.
   */
  public function problemOf(string $dsn): ?string {
    try {
      $engine = $this->open(self::QUEUED, trim($dsn));
      $engine->runs(['limit' => 1]);
      $engine->close();
      return NULL;
    }
    catch (\Throwable $throwable) {
      return $throwable->getMessage();
    }
  }

  /**
   * The version of the extension.
   *
   * @return string|null
   *   NULL when it is not loaded.
   */
  public static function version(): ?string {
    return defined('Ossa\Runtime\VERSION') ? (string) constant('Ossa\Runtime\VERSION') : NULL;
  }

  /**
   * How strictly manifests are read.
   *
   * @return 'lenient'|'strict'
   *   As the settings say.
   */
  public function level(): string {
    return $this->settings()->get('validation') === 'strict' ? 'strict' : 'lenient';
  }

  /**
   * Whether runs are kept in the database of the site.
   */
  public function isOnSiteDatabase(): bool {
    return $this->dsn($this->settings()) === '';
  }

  /**
   * Whether a transaction of the site is open, which may yet undo everything.
   */
  public function isProvisional(): bool {
    return $this->connection?->isProvisional() ?? $this->database->inTransaction();
  }

  /**
   * Carries out several calls of the engine with one write, where that can be.
   *
   * @param \Closure(): T $do
   *   Calls the engine.
   *
   * @return T
   *   What it returns.
   *
   * @template T
   */
  public function together(\Closure $do): mixed {
    $this->engine();
    if ($this->connection === NULL) {
      return $do();
    }
    try {
      return $this->connection->together($do);
    }
    catch (ArgumentException | InputException | ManifestException $exception) {
      // Refused before anything was written.
      throw $exception;
    }
    catch (\Throwable $throwable) {
      // The engine must not remember what has been undone.
      $this->reset();
      throw $throwable;
    }
  }

  /**
   * Closes what is open: the next call opens it with the settings of then.
   */
  public function reset(): void {
    foreach ($this->engines as $engine) {
      $engine->close();
    }
    $this->engines = [];
    $this->connection = NULL;
  }

  /**
   * Opens an engine.
   *
   * @param string $queue
   *   The queue that steps of its runs go to.
   * @param string|null $dsn
   *   Another store than that of the settings.
   *
   * @return \Ossa\Runtime\Engine
   *   The engine.
   */
  private function open(string $queue, ?string $dsn = NULL): Engine {
    $version = self::version();
    if ($version === NULL) {
      throw new EngineUnavailableException('The PHP extension "ossa" is not loaded. Install it, add "extension=ossa" to php.ini (for the web server and for the command line), and restart PHP.');
    }
    if (version_compare($version, self::MINIMUM_VERSION, '<')) {
      throw new EngineUnavailableException(sprintf('The PHP extension "ossa" is version %s, and the module needs %s or newer. Update the extension and restart PHP.', $version, self::MINIMUM_VERSION));
    }
    $settings = $this->settings();
    $retry = $settings->get('retry');
    $options = [
      'manifest_roots' => $this->roots->paths(),
      'level' => $this->level(),
      'queue' => $queue,
      'retry_owner' => 'engine',
      'default_retry' => is_array($retry) ? $retry : NULL,
      'lease_seconds' => (int) ($settings->get('lease_seconds') ?? 60),
      'env' => array_filter((array) Settings::get('ossa_eca_env', []), is_string(...)),
    ];
    $dsn ??= $this->dsn($settings);
    try {
      if ($dsn !== '') {
        return Engine::open($dsn, $options);
      }
      $this->connection ??= new DrupalConnection($this->database);
      return Engine::over($this->connection, $options + ['table_prefix' => DrupalConnection::prefixFor($this->database) . self::TABLE_PREFIX]);
    }
    catch (\Throwable $throwable) {
      throw new EngineUnavailableException(sprintf('The engine cannot be opened with the settings of "ossa_eca": %s', $throwable->getMessage()), 0, $throwable);
    }
  }

  /**
   * The settings, with overrides of settings.php.
   */
  private function settings(): ImmutableConfig {
    return $this->configFactory->get('ossa_eca.settings');
  }

  /**
   * The DSN of the settings.
   *
   * @param \Drupal\Core\Config\ImmutableConfig $settings
   *   The settings.
   *
   * @return string
   *   Empty for the database of the site.
   */
  private function dsn(ImmutableConfig $settings): string {
    return trim((string) ($settings->get('store.dsn') ?? ''));
  }

}
