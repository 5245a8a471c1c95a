<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Functional;

use Drupal\ossa_eca\StartOptions;

/**
 * The page of a run, and what can be done there.
 *
 * @group ossa_eca
 */
final class RunPageTest extends OssaBrowserTestBase {

  private const ALL = ['view ossa runs', 'manage ossa runs', 'decide ossa steps'];

  /**
   * The page shows steps, data and timeline of a run.
   */
  public function testPageShowsStepsDataAndTimeline(): void {
    $run = $this->runs()->execute('greet-twice', ['name' => 'Ada'], new StartOptions(correlationId: 'order-7'))->getId();
    $this->logInWith(['view ossa runs']);
    $this->drupalGet('admin/reports/ossa/' . $run);
    $this->assertSession()->statusCodeEquals(200);
    $this->assertSession()->pageTextContains('Run of greet-twice');
    $this->assertSession()->elementTextContains('css', 'table.ossa-run-summary', 'Completed');
    $this->assertSession()->elementTextContains('css', 'table.ossa-run-summary', 'order-7');
    $this->assertSession()->elementTextContains('css', 'table.ossa-run-steps', 'second');
    $this->assertSession()->elementTextContains('css', 'table.ossa-run-timeline', 'Run completed');
    $this->assertSession()->pageTextContains('Hello Hello Ada');
  }

  /**
   * What does not exist is not found, and who may not view is refused.
   */
  public function testUnknownRunIsNotFoundAndPageIsForThoseWhoMayView(): void {
    $run = $this->runs()->execute('greet', ['name' => 'Ada'])->getId();
    $this->logInWith(['manage ossa runs', 'decide ossa steps']);
    $this->drupalGet('admin/reports/ossa/' . $run);
    $this->assertSession()->statusCodeEquals(403);
    $this->logInWith(self::ALL);
    foreach (['', '/retry', '/cancel', '/decide'] as $page) {
      $this->drupalGet('admin/reports/ossa/00000000-0000-7000-8000-000000000000' . $page);
      $this->assertSession()->statusCodeEquals(404);
    }
  }

  /**
   * Markup in inputs, outputs, errors, labels and answers is shown as text.
   */
  public function testMarkupIsShownAsText(): void {
    $evil = '<script>alert(1)</script><b>bold</b>';
    $runs = [
      $this->runs()->execute('greet', ['name' => $evil], new StartOptions(labels: ['evil' => $evil], correlationId: 'a"b'))->getId(),
      $this->runs()->execute('flaky', ['failures' => 9, 'how' => 'error', $evil => $evil])->getId(),
      $this->runs()->start('fill-in', ['what' => $evil]),
    ];
    $canceled = $this->runs()->start('ask-first');
    $this->runs()->cancel($canceled, $evil);
    $this->logInWith(self::ALL);
    foreach ([...$runs, $canceled] as $run) {
      $this->drupalGet('admin/reports/ossa/' . $run);
      $this->assertNoMarkup();
    }
    $this->assertSession()->pageTextContains($evil);
    $this->drupalGet('admin/reports/ossa/' . $runs[2]);
    $this->assertSession()->pageTextContains('<em>editor</em>');
    $this->clickLink('Decide');
    $this->assertNoMarkup();
    $this->assertSession()->pageTextContains($evil);
    $this->drupalGet('admin/reports/ossa');
    $this->assertNoMarkup();
    $this->assertSession()->pageTextContains('evil=' . $evil);
    $this->drupalGet('admin/reports/ossa/' . $runs[0] . '/retry', ['query' => ['step' => $evil]]);
    $this->assertNoMarkup();
  }

  /**
   * A failed run shows its attempts and error, and is retried.
   */
  public function testFailedRunIsRetried(): void {
    $run = $this->runs()->start('flaky', ['failures' => 1, 'how' => 'permanent']);
    $this->work();
    $this->logInWith(self::ALL);
    $this->drupalGet('admin/reports/ossa/' . $run);
    $this->assertSession()->elementTextContains('css', 'table.ossa-run-summary', 'TEST_PERMANENT: never');
    $this->assertSession()->elementTextContains('css', 'table.ossa-run-timeline', 'Attempt failed');
    $this->assertSession()->linkNotExists('Cancel run');
    $this->clickLink('Retry');
    $this->submitForm(['reason' => 'server is back'], 'Retry');
    $this->assertSession()->addressEquals('admin/reports/ossa/' . $run);
    $this->assertSession()->pageTextContains('Steps that are tried again: 1.');
    $this->assertSession()->elementTextContains('css', 'table.ossa-run-timeline', 'server is back');
    $this->assertSession()->linkNotExists('Retry');
    $this->work();
    self::assertSame('completed', $this->runs()->get($run)?->getStatus());

    $this->drupalGet('admin/reports/ossa/' . $run . '/retry');
    $this->assertSession()->pageTextContains('There is nothing to retry');
    $this->assertSession()->buttonNotExists('Retry');
  }

  /**
   * A step in a loop is retried, alone or with the loop.
   */
  public function testStepInLoopIsRetried(): void {
    $runs = [$this->runs()->start('fail-in-loop'), $this->runs()->start('fail-in-loop')];
    $this->work();
    $this->logInWith(self::ALL);
    foreach (['mail[0]' => $runs[0], '' => $runs[1]] as $step => $run) {
      $this->drupalGet('admin/reports/ossa/' . $run);
      $this->assertSession()->elementTextContains('css', 'table.ossa-run-steps', 'mail[0]');
      $step === '' ? $this->clickLink('Retry all failed steps') : $this->clickLink('Retry', 1);
      $this->assertSession()->pageTextContains($step);
      $this->submitForm([], 'Retry');
      $this->assertSession()->pageTextContains('Steps that are tried again: 1.');
      self::assertSame('running', $this->runs()->get($run)?->getStatus());
    }
  }

  /**
   * Long data is cut.
   */
  public function testLongDataIsCut(): void {
    $run = $this->runs()->execute('greet', ['name' => str_repeat('é', 100000)])->getId();
    $this->logInWith(['view ossa runs']);
    $this->drupalGet('admin/reports/ossa/' . $run);
    $this->assertSession()->statusCodeEquals(200);
    $this->assertSession()->pageTextContains('bytes are not shown here');
  }

  /**
   * A run in flight is canceled, with a reason.
   */
  public function testRunInFlightIsCanceled(): void {
    $run = $this->runs()->start('greet', ['name' => 'Ada']);
    $this->logInWith(self::ALL);
    $this->drupalGet('admin/reports/ossa/' . $run);
    $this->clickLink('Cancel run');
    $this->submitForm(['reason' => 'by mistake'], 'Cancel run');
    $this->assertSession()->pageTextContains('The run is canceled.');
    $this->assertSession()->elementTextContains('css', 'table.ossa-run-timeline', 'by mistake');
    self::assertSame('canceled', $this->runs()->get($run)?->getStatus());
  }

  /**
   * A step that waits for approval is approved, by name.
   */
  public function testApprovalIsGiven(): void {
    $run = $this->runs()->start('ask-first');
    $this->logInWith(self::ALL);
    $this->drupalGet('admin/reports/ossa/' . $run);
    $this->assertSession()->pageTextContains('waits for 1 approval by role editor');
    $this->clickLink('Decide');
    $this->submitForm([], 'Send');
    $this->assertSession()->pageTextContains('Decision field is required.');
    $this->submitForm(['decision' => 'approve', 'comment' => 'looks fine'], 'Send');
    $this->assertSession()->pageTextContains('The decision is recorded.');
    $this->assertSession()->elementTextContains('css', 'table.ossa-run-timeline', 'looks fine');
    $this->assertSession()->elementTextContains('css', 'table.ossa-run-timeline', (string) $this->loggedInUser->getAccountName());
    $this->assertSession()->linkNotExists('Decide');
    $this->work();
    self::assertSame('completed', $this->runs()->get($run)?->getStatus());
  }

  /**
   * A form is filled in; what does not fit is told and not lost.
   */
  public function testFormOfHumanTaskIsFilledIn(): void {
    $run = $this->runs()->start('fill-in', ['what' => 'the report']);
    // Who may decide need not see the run.
    $this->logInWith(['decide ossa steps']);
    $this->drupalGet('admin/reports/ossa/' . $run . '/decide', ['query' => ['step' => 'ask']]);
    $this->assertSession()->pageTextContains('the report');
    $this->submitForm(['answer' => 'note: ['], 'Send');
    $this->assertSession()->pageTextContains('This is no YAML');
    $this->submitForm(['answer' => 'other: 1'], 'Send');
    $this->assertSession()->pageTextContains('"note" is a required property');
    $this->assertSession()->fieldValueEquals('answer', 'other: 1');
    $this->submitForm(['answer' => 'note: good'], 'Send');
    $this->assertSession()->statusCodeEquals(200);
    $this->assertSession()->pageTextContains('The decision is recorded.');
    self::assertSame(['note' => 'good'], $this->runs()->get($run)?->getOutput());
  }

  /**
   * Who may not do it is refused, and is not offered it.
   */
  public function testOrdersAreForThoseWhoMayGiveThem(): void {
    $failed = $this->runs()->execute('flaky', ['failures' => 9, 'how' => 'permanent'])->getId();
    $waiting = $this->runs()->start('ask-first');
    $this->logInWith(['view ossa runs']);
    foreach ([$failed, $waiting] as $run) {
      $this->drupalGet('admin/reports/ossa/' . $run);
      foreach (['Retry', 'Retry all failed steps', 'Cancel run', 'Decide'] as $link) {
        $this->assertSession()->linkNotExists($link);
      }
    }
    foreach ([$failed . '/retry', $waiting . '/cancel', $waiting . '/decide'] as $page) {
      $this->drupalGet('admin/reports/ossa/' . $page, ['query' => ['step' => 'approve']]);
      $this->assertSession()->statusCodeEquals(403);
    }
    $this->logInWith(['manage ossa runs']);
    $this->drupalGet('admin/reports/ossa/' . $waiting . '/decide', ['query' => ['step' => 'approve']]);
    $this->assertSession()->statusCodeEquals(403);
    self::assertSame('waiting', $this->runs()->get($waiting)?->getStatus());
  }

  /**
   * A forged request without the token of the form changes nothing.
   */
  public function testForgedRequestChangesNothing(): void {
    $run = $this->runs()->start('ask-first');
    $this->logInWith(self::ALL);
    $this->drupalGet('admin/reports/ossa/' . $run . '/cancel');
    $this->assertSession()->elementExists('css', 'input[name=form_token]')->setValue('forged');
    $this->submitForm([], 'Cancel run');
    $this->assertSession()->pageTextContains('The form has become outdated.');
    self::assertSame('waiting', $this->runs()->get($run)?->getStatus());
  }

  /**
   * No markup of the tests has become markup of the page.
   */
  private function assertNoMarkup(): void {
    $this->assertSession()->statusCodeEquals(200);
    foreach (['<script>alert', '<b>bold', '<b>broken', '<em>editor'] as $markup) {
      $this->assertSession()->responseNotContains($markup);
    }
  }

}
