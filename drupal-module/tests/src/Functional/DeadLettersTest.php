<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Functional;

use Drupal\ossa_eca\Engine\EngineProvider;
use Ossa\Runtime\Channels;

/**
 * Messages that nobody could handle.
 *
 * @group ossa_eca
 */
final class DeadLettersTest extends OssaBrowserTestBase {

  private const PAGE = 'admin/reports/ossa/dead-letters';

  /**
   * They are listed with the reason, as text, and replayed.
   */
  public function testDeadLetterIsShownAndReplayed(): void {
    $channels = $this->channels();
    $channels->subscribe(['name' => 'shop', 'subscriptions' => [['channel' => 'orders.*']]]);
    $this->runs()->publish('orders.new', ['note' => '<script>alert(1)</script>']);
    [$delivery] = $channels->receive(['shop'], 1);
    $channels->fail($delivery, ['code' => 'NO_SHOP', 'message' => '<b>closed</b>', 'retryable' => FALSE]);

    $this->logInWith(['view ossa runs']);
    $this->drupalGet(self::PAGE);
    $this->assertSession()->pageTextContains('NO_SHOP: <b>closed</b>');
    $this->assertSession()->pageTextContains('orders.new');
    $this->assertSession()->responseNotContains('<b>closed');
    $this->assertSession()->responseNotContains('<script>alert');
    $this->assertSession()->linkNotExists('Replay');
    $this->assertSession()->linkByHrefExists('/admin/reports/ossa?status=failed');
    $this->drupalGet(self::PAGE . '/replay', ['query' => ['letter' => 'orders.new.dlq:1']]);
    $this->assertSession()->statusCodeEquals(403);

    $this->logInWith(['view ossa runs', 'manage ossa runs']);
    $this->drupalGet(self::PAGE);
    $this->clickLink('Replay');
    $this->submitForm([], 'Replay');
    $this->assertSession()->pageTextContains('The message is delivered again.');
    $this->assertSession()->pageTextContains('There are no dead letters.');
    self::assertCount(1, $channels->receive(['shop'], 1));
  }

  /**
   * One that is gone is told.
   */
  public function testDeadLetterThatIsGoneIsTold(): void {
    $this->logInWith(['view ossa runs', 'manage ossa runs']);
    $this->drupalGet(self::PAGE . '/replay', ['query' => ['letter' => '<b>gone</b>']]);
    $this->submitForm([], 'Replay');
    $this->assertSession()->statusCodeEquals(200);
    $this->assertSession()->elementExists('css', '[aria-label="Error message"]');
    $this->assertSession()->responseNotContains('<b>gone');
  }

  /**
   * The channels of the engine.
   */
  private function channels(): Channels {
    $engines = $this->container->get(EngineProvider::class);
    assert($engines instanceof EngineProvider);
    return $engines->engine()->channels();
  }

}
