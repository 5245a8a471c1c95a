<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Unit;

use Drupal\Tests\UnitTestCase;
use Drupal\ossa_eca\Attribute\OssaCapability;
use Drupal\ossa_eca\DependencyInjection\CapabilityPass;
use Symfony\Component\DependencyInjection\ContainerBuilder;
use Symfony\Component\DependencyInjection\Exception\LogicException;

/**
 * Capabilities are found when the container is built; mistakes are told there.
 *
 * @group ossa_eca
 */
final class CapabilityPassTest extends UnitTestCase {

  /**
   * Names are those of the tag and of the attributes; others have a kind.
   */
  public function testCapabilitiesAreFoundByTagAndAttribute(): void {
    $found = $this->process(['by_tag' => ['capability' => 'tagged', 'method' => 'other'], 'by_attribute' => []], [
      'by_attribute' => NamedCapability::class,
      'by_tag' => UnnamedCapability::class,
    ]);
    self::assertSame([
      'capability:named' => ['by_attribute', 'run'],
      'capability:tagged' => ['by_tag', 'other'],
      'task:whole-task' => ['by_attribute', 'run'],
    ], $found);
  }

  /**
   * A method that is not there is a mistake.
   */
  public function testMethodThatIsNotThereIsTold(): void {
    $this->expectException(LogicException::class);
    $this->expectExceptionMessage('which is no public method');
    $this->process(['service' => ['capability' => 'x']], ['service' => UnnamedCapability::class]);
  }

  /**
   * Two services for one capability are a mistake.
   */
  public function testTwoServicesForOneCapabilityAreTold(): void {
    $this->expectException(LogicException::class);
    $this->expectExceptionMessage('"first" and "second"');
    $tag = ['capability' => 'x', 'method' => 'other'];
    $this->process(['first' => $tag, 'second' => $tag], array_fill_keys(['first', 'second'], UnnamedCapability::class));
  }

  /**
   * Runs the pass.
   *
   * @param array<string, array<string, string>> $tags
   *   Attributes of the tag, by service.
   * @param array<string, class-string> $classes
   *   Class by service.
   *
   * @return array<string, array{string, string}>
   *   What was found.
   */
  private function process(array $tags, array $classes): array {
    $container = new ContainerBuilder();
    foreach ($tags as $id => $tag) {
      $container->register($id, $classes[$id])->addTag(CapabilityPass::TAG, $tag);
    }
    (new CapabilityPass())->process($container);
    $found = $container->getParameter(CapabilityPass::PARAMETER);
    assert(is_array($found));
    return $found;
  }

}

/**
 * Has attributes.
 */
final class NamedCapability {

  /**
   * Does nothing.
   */
  #[OssaCapability('named')]
  #[OssaCapability('task:whole-task')]
  public function run(): void {}

}

/**
 * Has none.
 */
final class UnnamedCapability {

  /**
   * Does nothing.
   */
  public function other(): void {}

}
