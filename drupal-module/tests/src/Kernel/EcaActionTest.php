<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Kernel;

/**
 * Actions of ECA are capabilities, too.
 *
 * @group ossa_eca
 */
final class EcaActionTest extends OssaKernelTestBase {

  /**
   * {@inheritdoc}
   */
  protected function setUp(): void {
    if (!class_exists('Drupal\eca\Plugin\Action\ActionBase') && !is_dir(DRUPAL_ROOT . '/modules/contrib/eca')) {
      $this->markTestSkipped('The module "eca" is not there.');
    }
    static::$modules = ['system', 'user', 'field', 'eca', 'eca_base', 'ossa_eca', 'ossa_eca_test'];
    if (is_dir(DRUPAL_ROOT . '/modules/contrib/modeler_api')) {
      static::$modules[] = 'modeler_api';
    }
    parent::setUp();
  }

  /**
   * An action sees the input as tokens; the token that it sets is the output.
   */
  public function testActionSeesTheInputAsTokensAndGivesAnOutput(): void {
    $this->setting('plugins', ['eca_token_set_value']);
    $tokens = $this->container->get('eca.token_services');
    $tokens->addTokenData('mine', 'kept');
    $run = $this->runs()->execute('set-token', ['name' => 'Ada']);
    self::assertNull($run->getError());
    self::assertSame(['text' => 'Hello Ada'], $run->getOutput());
    self::assertFalse($tokens->hasTokenData('result'));
    self::assertSame('kept', (string) $tokens->replace('[mine]'));
  }

}
