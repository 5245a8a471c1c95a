<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Kernel;

use Drupal\Core\Config\Schema\SchemaCheckTrait;
use Drupal\Core\Extension\Requirement\RequirementSeverity;
use Drupal\ossa_eca\Hook\OssaEcaHooks;
use Drupal\ossa_eca\InFlightUninstallValidator;
use Drupal\ossa_eca\State\SiteValues;
use Drupal\ossa_eca\StatusReport;
use PHPUnit\Framework\Attributes\DataProvider;

/**
 * The module as a part of the site: settings, cron, status report, uninstall.
 *
 * @group ossa_eca
 */
final class SiteTest extends OssaKernelTestBase {

  use SchemaCheckTrait;

  /**
   * The settings that the module comes with are valid, and are all checked.
   */
  public function testDefaultSettingsAreValid(): void {
    $typed = $this->container->get('config.typed');
    $settings = $this->config('ossa_eca.settings');
    self::assertTrue($this->checkConfigSchema($typed, 'ossa_eca.settings', $settings->get()));
    self::assertCount(0, $typed->createFromNameAndData('ossa_eca.settings', $settings->getRawData())->validate());
  }

  /**
   * Settings that are wrong are told, each at its place.
   *
   * @param non-empty-string $key
   *   Key of the setting.
   * @param mixed $value
   *   A value that is wrong.
   *
   * @dataProvider wrongSettings
   */
  #[DataProvider('wrongSettings')]
  public function testWrongSettingsAreTold(string $key, mixed $value): void {
    $data = $this->config('ossa_eca.settings')->set($key, $value)->getRawData();
    $violations = $this->container->get('config.typed')->createFromNameAndData('ossa_eca.settings', $data)->validate();
    self::assertCount(1, $violations);
    self::assertStringStartsWith($key, (string) $violations->get(0)->getPropertyPath());
  }

  /**
   * Settings that are wrong.
   *
   * @return array<string, array{non-empty-string, mixed}>
   *   Key and value.
   */
  public static function wrongSettings(): array {
    return [
      'DSN of something else' => ['store.dsn', 'https://example.com'],
      'no attempts' => ['retry.max_attempts', 0],
      'lease that is too short' => ['lease_seconds', 1],
      'account that is none' => ['account.mode', 'root'],
      'empty folder' => ['manifest_paths', ['']],
      'plugin that is none' => ['plugins', ['a b']],
      'negative age' => ['retention.failed.max_age_days', -1],
    ];
  }

  /**
   * The status report is fine where all is well.
   */
  public function testStatusReportIsFineWhereAllIsWell(): void {
    $entries = $this->service(StatusReport::class)->entries();
    self::assertSame(0, $entries['ossa_eca_engine']['severity']);
    self::assertArrayNotHasKey('ossa_eca_manifests', $entries);
  }

  /**
   * Core gets severities as it has them.
   */
  public function testCoreGetsSeveritiesAsItHasThem(): void {
    $entries = $this->service(OssaEcaHooks::class)->runtimeRequirements();
    self::assertSame(enum_exists(RequirementSeverity::class) ? RequirementSeverity::OK : 0, $entries['ossa_eca_engine']['severity']);
  }

  /**
   * The status report tells of a store that cannot be used, and of folders.
   */
  public function testStatusReportTellsWhatIsWrong(): void {
    $this->setting('manifest_paths', ['../no/such/folder']);
    $this->setting('store.dsn', 'sqlite:///proc/none/runs.db');
    $entries = $this->service(StatusReport::class)->entries();
    self::assertSame(2, $entries['ossa_eca_engine']['severity']);
    self::assertSame(1, $entries['ossa_eca_manifests']['severity']);
  }

  /**
   * Cron removes runs that are not to be kept.
   */
  public function testCronRemovesRunsThatAreNotToBeKept(): void {
    $this->setting('retention.completed.max_count', 1);
    $this->runs()->execute('greet', ['name' => 'first']);
    $kept = $this->runs()->execute('greet', ['name' => 'second'])->getId();
    $this->container->get('cron')->run();
    self::assertSame([$kept], array_map(static fn ($run): string => $run->getId(), $this->runs()->list()));
  }

  /**
   * Cron alone carries a workflow to its end.
   */
  public function testCronCarriesOutRuns(): void {
    $id = $this->runs()->start('greet-twice', ['name' => 'Ada']);
    $this->container->get('cron')->run();
    self::assertSame('completed', $this->runs()->get($id)?->getStatus());
  }

  /**
   * Runs in flight keep the module from being uninstalled, and are counted.
   */
  public function testRunsInFlightKeepTheModuleFromBeingUninstalled(): void {
    $validator = $this->service(InFlightUninstallValidator::class);
    $this->runs()->start('greet', ['name' => 'Ada']);
    $waiting = $this->runs()->start('ask-first');
    self::assertStringStartsWith('2 runs', $validator->validate('ossa_eca')[0] ?? '');
    self::assertSame([], $validator->validate('user'));
    $this->work();
    $this->runs()->cancel($waiting);
    self::assertSame([], $validator->validate('ossa_eca'));
  }

  /**
   * Steps read and write small values of the site.
   */
  public function testStepsReadAndWriteValuesOfTheSite(): void {
    $values = $this->service(SiteValues::class);
    $values->set('greeting', ['word' => 'Hello']);
    self::assertSame(['word' => 'Hello'], $values->get('greeting'));
    $values->set('greeting', NULL);
    self::assertSame([], $values->all());
    $this->expectException(\InvalidArgumentException::class);
    $values->set('large', str_repeat('x', 70000));
  }

}
