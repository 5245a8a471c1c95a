<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Functional;

use Drupal\ossa_eca\StartOptions;

/**
 * The list of runs.
 *
 * @group ossa_eca
 */
final class RunListTest extends OssaBrowserTestBase {

  /**
   * Who may not view runs is refused; who may sees that there are none.
   */
  public function testListIsForThoseWhoMayViewRuns(): void {
    $this->drupalGet('admin/reports/ossa');
    $this->assertSession()->statusCodeEquals(403);
    $this->logInWith(['manage ossa runs', 'decide ossa steps', 'administer ossa_eca']);
    $this->drupalGet('admin/reports/ossa');
    $this->assertSession()->statusCodeEquals(403);

    $this->logInWith(['view ossa runs']);
    $this->drupalGet('admin/reports/ossa');
    $this->assertSession()->statusCodeEquals(200);
    $this->assertSession()->pageTextContains('There are no runs yet.');
  }

  /**
   * Runs are listed, the newest first, and found by status, name and label.
   */
  public function testRunsAreFoundByStatusNameAndLabel(): void {
    $greeted = $this->runs()->execute('greet', ['name' => 'Ada'], new StartOptions(labels: ['farm' => 'north']))->getId();
    $failed = $this->runs()->execute('flaky', ['failures' => 9, 'how' => 'permanent'])->getId();
    $waiting = $this->runs()->execute('ask-first')->getId();
    $this->logInWith(['view ossa runs']);

    $this->drupalGet('admin/reports/ossa');
    self::assertSame([$waiting, $failed, $greeted], $this->listed());
    $this->assertSession()->pageTextContains('farm=north');
    $this->clickLink('1 run has failed');
    self::assertSame([$failed], $this->listed());

    $this->drupalGet('admin/reports/ossa');
    $this->submitForm(['status' => 'in_flight'], 'Filter');
    self::assertSame([$waiting], $this->listed());
    $this->submitForm(['status' => '', 'workflow' => 'greet'], 'Filter');
    self::assertSame([$greeted], $this->listed());
    $this->submitForm(['workflow' => '', 'label' => 'farm=north'], 'Filter');
    self::assertSame([$greeted], $this->listed());
    $this->assertSession()->addressEquals('admin/reports/ossa?status=&workflow=&label=farm%3Dnorth');
    $this->clickLink('Reset');
    self::assertCount(3, $this->listed());
  }

  /**
   * A long list comes in pages.
   */
  public function testLongListHasPages(): void {
    $ids = [];
    for ($number = 0; $number < 51; ++$number) {
      $ids[] = $this->runs()->start('greet', ['name' => (string) $number]);
    }
    $this->logInWith(['view ossa runs']);
    $this->drupalGet('admin/reports/ossa');
    self::assertCount(50, $this->listed());
    $this->assertSession()->linkNotExists('Newest');
    $this->clickLink('Older');
    self::assertSame([$ids[0]], $this->listed());
    $this->assertSession()->linkNotExists('Older');
    $this->clickLink('Newest');
    self::assertCount(50, $this->listed());
  }

  /**
   * Nonsense in the address is answered with a message.
   */
  public function testNonsenseInTheAddressIsAnswered(): void {
    $this->logInWith(['view ossa runs']);
    foreach (['status=<b>x</b>', 'after=nonsense', 'label=half', 'status[]=failed', 'workflow=' . str_repeat('x', 2000)] as $query) {
      $this->drupalGet('admin/reports/ossa', ['query' => self::parsed($query)]);
      $this->assertSession()->statusCodeEquals(200);
      $this->assertSession()->responseNotContains('<b>x</b>');
    }
  }

  /**
   * The ids that the list shows.
   *
   * @return list<string>
   *   In their order.
   */
  private function listed(): array {
    return array_values(array_map(static fn ($link): string => $link->getText(), $this->getSession()->getPage()->findAll('css', 'table.ossa-runs td a')));
  }

  /**
   * A query as an array.
   *
   * @param string $query
   *   The query.
   *
   * @return array<array-key, mixed>
   *   The same.
   */
  private static function parsed(string $query): array {
    parse_str($query, $parsed);
    return $parsed;
  }

}
