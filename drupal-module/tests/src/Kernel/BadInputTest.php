<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Kernel;

use Drupal\ossa_eca\RunsException;
use Drupal\ossa_eca\StartOptions;
use Ossa\Runtime\Exception\EngineException;
use Ossa\Runtime\Exception\ExceptionInterface;
use Ossa\Runtime\Exception\InputException;
use PHPUnit\Framework\Attributes\DataProvider;

/**
 * What is wrong is refused early, with what to do, and leaves nothing behind.
 *
 * @group ossa_eca
 */
final class BadInputTest extends OssaKernelTestBase {

  /**
   * Input that breaks the schema is refused before anything is written.
   */
  public function testInputThatBreaksTheSchemaIsRefused(): void {
    try {
      $this->runs()->start('greet', ['name' => 7]);
      self::fail('It was taken.');
    }
    catch (InputException $exception) {
      self::assertNotSame([], $exception->getViolations());
    }
    self::assertSame([], $this->runs()->list());
    // Nor does the engine remember anything of it.
    $this->runs()->start('greet', ['name' => 'Ada']);
    self::assertCount(1, $this->runs()->list());
  }

  /**
   * Only manifests below the configured folders are run.
   *
   * @dataProvider manifestsElsewhere
   */
  #[DataProvider('manifestsElsewhere')]
  public function testManifestOutsideTheFoldersIsRefused(string $manifest): void {
    $this->expectException(ExceptionInterface::class);
    $this->runs()->start($manifest);
  }

  /**
   * Nor does validation read other files.
   *
   * @dataProvider manifestsElsewhere
   */
  #[DataProvider('manifestsElsewhere')]
  public function testFileOutsideTheFoldersIsNotRead(string $manifest): void {
    $this->expectException(RunsException::class);
    $this->runs()->validate($manifest);
  }

  /**
   * Manifests that are not below the configured folders.
   *
   * @return array<string, array{string}>
   *   Their names.
   */
  public static function manifestsElsewhere(): array {
    return [
      'unknown name' => ['no-such-task'],
      'path that leads out' => ['../ossa_eca_test.info.yml'],
      'absolute path' => ['/etc/passwd'],
      'absolute path of a manifest' => [dirname(__DIR__, 3) . '/config/install/ossa_eca.settings.yml'],
      'empty' => [''],
      'bytes' => ["\xff\0"],
    ];
  }

  /**
   * A manifest can be validated by name and by path.
   */
  public function testManifestIsValidatedByNameAndByPath(): void {
    self::assertTrue($this->runs()->validate('greet')[0]->isValid());
    self::assertCount(10, $this->runs()->validate('tasks.yaml'));
  }

  /**
   * A priority that is none is refused where it is named.
   */
  public function testUnknownPriorityIsRefused(): void {
    $this->expectException(\InvalidArgumentException::class);
    $this->expectExceptionMessage('critical, high, normal, low');
    new StartOptions(priority: 'urgent!');
  }

  /**
   * Runs that are not there cannot be steered.
   */
  public function testUnknownRunCannotBeSteered(): void {
    self::assertNull($this->runs()->get('00000000-0000-0000-0000-000000000000'));
    $this->expectException(EngineException::class);
    $this->runs()->cancel('00000000-0000-0000-0000-000000000000');
  }

  /**
   * A run of which nothing failed is not retried.
   */
  public function testRunThatHasNotFailedIsNotRetried(): void {
    $run = $this->runs()->execute('greet', ['name' => 'Ada']);
    $this->expectException(RunsException::class);
    $this->expectExceptionMessage('nothing to try again');
    $this->runs()->retry($run->getId());
  }

}
