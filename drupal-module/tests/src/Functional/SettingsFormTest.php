<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Functional;

/**
 * The settings form.
 *
 * @group ossa_eca
 */
final class SettingsFormTest extends OssaBrowserTestBase {

  private const PAGE = 'admin/config/workflow/ossa';

  /**
   * The form is for who may administer the module, and for nobody else.
   */
  public function testFormIsForAdministratorsOfTheModule(): void {
    $this->logInWith(['view ossa runs', 'manage ossa runs', 'decide ossa steps', 'administer site configuration']);
    $this->drupalGet(self::PAGE);
    $this->assertSession()->statusCodeEquals(403);
    $this->logInWith(['administer ossa_eca']);
    $this->drupalGet(self::PAGE);
    $this->assertSession()->statusCodeEquals(200);
  }

  /**
   * What is saved unchanged stays as it is, with its types.
   */
  public function testSavingWithoutChangeChangesNothing(): void {
    $account = $this->drupalCreateUser();
    assert($account !== FALSE);
    $this->config('ossa_eca.settings')
      ->set('account', ['mode' => 'configured', 'uid' => (int) $account->id()])
      ->set('deliveries', ['mailer' => 'mail_queue'])
      ->set('channels', ['alerts.*'])
      ->set('plugins', ['action_message_action', 'entity:*'])
      ->save();
    $before = $this->settings();
    $this->logInWith(['administer ossa_eca']);
    $this->drupalGet(self::PAGE);
    $this->submitForm([], 'Save configuration');
    $this->assertSession()->pageTextContains('The configuration options have been saved.');
    self::assertSame($before, $this->settings());
  }

  /**
   * Settings are changed.
   */
  public function testSettingsAreChanged(): void {
    $this->logInWith(['administer ossa_eca']);
    $this->drupalGet(self::PAGE);
    $this->submitForm([
      'cron_seconds' => 0,
      'completed_days' => 7,
      'failed_count' => 500,
      'account_mode' => 'configured',
      'account_uid' => '',
      'plugins' => "action_message_action\r\n\r\n entity:* \r\n",
      'channels' => 'alerts.*',
      'deliveries' => "mailer: mail_queue\nother : other_queue",
    ], 'Save configuration');
    $this->assertSession()->pageTextContains('The configuration options have been saved.');
    $settings = $this->settings();
    self::assertSame(0, $settings['queue']['cron_seconds']);
    self::assertSame(['max_age_days' => 7, 'max_count' => 10000], $settings['retention']['completed']);
    self::assertSame(500, $settings['retention']['failed']['max_count']);
    self::assertSame(['mode' => 'configured', 'uid' => 0], $settings['account']);
    self::assertSame(['action_message_action', 'entity:*'], $settings['plugins']);
    self::assertSame(['mailer' => 'mail_queue', 'other' => 'other_queue'], $settings['deliveries']);
  }

  /**
   * What is wrong is told at its field, and nothing is saved.
   */
  public function testWhatIsWrongIsToldAtItsField(): void {
    $this->logInWith(['administer ossa_eca']);
    $before = $this->settings();
    foreach ([
      ['manifest_paths', '../<b>nowhere</b>', 'There is no folder ../<b>nowhere</b>.'],
      ['manifest_paths', '/etc', 'The folder /etc is outside the site.'],
      ['manifest_paths', 'public://', 'where files are uploaded'],
      ['manifest_paths', "module://no_such_module\n/etc", 'There is no folder module://no_such_module.'],
      ['plugins', 'no_such_plugin', 'There is no action plugin no_such_plugin.'],
      ['plugins', 'not a plugin', 'Use the id of an action plugin'],
      ['deliveries', 'no queue', 'no queue is no delivery.'],
      ['deliveries', 'with.dot: queue', 'with.dot: queue is no delivery.'],
      ['dsn', 'ftp://host', 'Leave the DSN empty for the database of the site'],
      ['dsn', 'postgresql://ossa:secret@127.0.0.1/runs', 'A DSN with a password is not kept in configuration.'],
      ['dsn', 'redis://127.0.0.1:1', 'Runs cannot be kept there.'],
      ['account_uid', 'nobody like this', 'There are no users matching'],
      ['account_uid', 'gone (999)', 'There is no user 999.'],
    ] as [$field, $value, $message]) {
      $this->drupalGet(self::PAGE);
      $this->submitForm([$field => $value], 'Save configuration');
      $this->assertSession()->statusCodeEquals(200);
      $this->assertSession()->pageTextContains($message);
      $this->assertSession()->responseNotContains('<b>nowhere');
      self::assertTrue($this->assertSession()->fieldExists($field)->hasClass('error'), $field);
      self::assertSame($before, $this->settings());
    }
  }

  /**
   * A DSN of settings.php is shown without its password, and used.
   */
  public function testPasswordOfSettingsPhpIsNotShown(): void {
    $this->writeSettings([
      'config' => [
        'ossa_eca.settings' => [
          'store' => ['dsn' => (object) ['value' => 'redis://ossa:top-secret@127.0.0.1:1/0', 'required' => TRUE]],
        ],
      ],
    ]);
    $this->logInWith(['administer ossa_eca', 'view ossa runs']);
    $this->drupalGet(self::PAGE);
    $this->assertSession()->statusCodeEquals(200);
    $this->assertSession()->pageTextContains('redis://ossa:***@127.0.0.1:1/0');
    $this->assertSession()->responseNotContains('top-secret');
    self::assertTrue($this->assertSession()->fieldExists('dsn')->hasAttribute('disabled'));
    // And this store cannot be reached: that is a message on the pages.
    $this->drupalGet('admin/reports/ossa');
    $this->assertSession()->statusCodeEquals(200);
    $this->assertSession()->pageTextContains('127.0.0.1');
    $this->assertSession()->responseNotContains('top-secret');
    $this->drupalGet('admin/reports/ossa/00000000-0000-7000-8000-000000000000');
    $this->assertSession()->statusCodeEquals(200);
    $this->assertSession()->responseNotContains('top-secret');
  }

  /**
   * Manifests are listed at the field, with what is wrong with them.
   */
  public function testDiagnosticsOfManifestsAreShown(): void {
    $this->logInWith(['administer ossa_eca']);
    $this->drupalGet(self::PAGE);
    $this->assertSession()->elementTextContains('css', 'table.ossa-manifests', 'greet-twice');
    $this->submitForm(['manifest_paths' => "module://ossa_eca_test/manifests\nmodule://ossa_eca_test/broken"], 'Save configuration');
    $this->assertSession()->pageTextContains('1 manifest cannot be run: see below.');
    $this->assertSession()->elementTextContains('css', 'table.ossa-manifests tbody tr:nth-child(1)', 'error OSSA-M');
    $this->assertSession()->pageTextContains('<i>tick</i>');
    $this->assertSession()->responseNotContains('<i>tick');
  }

  /**
   * The settings as they are stored.
   *
   * @return array<string, mixed>
   *   The settings.
   */
  private function settings(): array {
    $this->container->get('config.factory')->reset();
    return $this->config('ossa_eca.settings')->getRawData();
  }

}
