<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Functional;

use Drupal\ossa_eca\StartOptions;
use Drush\Drush;
use Symfony\Component\Process\Process;

/**
 * The commands, each in a process of Drush.
 *
 * @group ossa_eca
 */
final class DrushTest extends OssaBrowserTestBase {

  /**
   * {@inheritdoc}
   */
  protected function setUp(): void {
    if (!class_exists(Drush::class)) {
      self::markTestSkipped('Drush is not on this site.');
    }
    parent::setUp();
  }

  /**
   * Manifests are listed and checked.
   */
  public function testManifestsAreListedAndChecked(): void {
    $listed = json_decode($this->drush(0, 'ossa:list', '--kind=Workflow', '--format=json')[0], TRUE);
    self::assertContains('greet-twice', array_column($listed, 'name'));
    self::assertNotContains('greet', array_column($listed, 'name'));
    self::assertStringContainsString('All can be run.', $this->drush(0, 'ossa:validate')[1]);
    self::assertStringContainsString('Manifests checked: 1.', $this->drush(0, 'ossa:validate', 'greet')[1]);
    self::assertStringContainsString('There is no manifest "nothing"', $this->drush(1, 'ossa:validate', 'nothing')[1]);

    $this->config('ossa_eca.settings')->set('manifest_paths', ['module://ossa_eca_test/broken'])->save();
    [$output, $errors] = $this->drush(1, 'ossa:validate', '--format=json');
    self::assertSame('there is no step `<i>tick</i>`', json_decode($output, TRUE)[0]['message']);
    self::assertStringContainsString('Of these 1 cannot be run.', $errors);
    self::assertStringContainsString('<i>tick</i>', $this->drush(1, 'ossa:validate')[0]);
    self::assertStringContainsString('<i>tick</i>', $this->drush(1, 'ossa:run', 'broken')[1]);
  }

  /**
   * A task is run here, or queued and worked off.
   */
  public function testTaskIsRunHereOrQueued(): void {
    self::assertStringContainsString('"greeting": "Hello Ada"', $this->drush(0, 'ossa:run', 'greet', '--input={"name": "Ada"}', '--sync')[0]);

    $started = json_decode($this->drush(0, 'ossa:run', 'greet', '--input={"name": "Ada"}', '--label=farm=north', '--uid=1', '--format=json')[0], TRUE);
    self::assertSame('running', $started['status']);
    self::assertSame(['farm' => 'north', 'ossa.drupal_uid' => '1'], $started['labels']);
    self::assertStringContainsString('Steps that were worked off: 1.', $this->drush(0, 'ossa:work')[1]);
    $shown = json_decode($this->drush(0, 'ossa:run:show', $started['id'], '--format=json')[0], TRUE);
    self::assertSame('completed', $shown['status']);
    self::assertSame(1, $shown['output']['uid']);
    self::assertSame('run_created', $shown['events'][0]['type']);
    $listed = json_decode($this->drush(0, 'ossa:run:list', '--label=farm=north', '--format=json')[0], TRUE);
    self::assertSame([$started['id']], array_column($listed, 'id'));
  }

  /**
   * A worker that is told to stop does so after the step at hand.
   */
  public function testWorkerStopsWhenItIsToldTo(): void {
    if (!extension_loaded('pcntl')) {
      self::markTestSkipped('PHP has no extension "pcntl" here.');
    }
    $run = $this->runs()->start('greet', ['name' => 'Ada']);
    $worker = $this->command([], ['ossa:work', '--time-limit=600']);
    $worker->start();
    while ($worker->isRunning() && $this->runs()->get($run)?->getStatus() !== 'completed') {
      usleep(50000);
    }
    $worker->signal(15);
    self::assertSame(0, $worker->wait(), $worker->getErrorOutput());
    self::assertStringContainsString('Steps that were worked off: 1.', $worker->getErrorOutput());
  }

  /**
   * What is wrong is told, with a code for scripts.
   */
  public function testWhatIsWrongIsTold(): void {
    foreach ([
      [1, '"name" is a required property', ['ossa:run', 'greet']],
      [1, 'nothing', ['ossa:run', 'nothing']],
      [1, 'nowhere', ['ossa:run', '../../nowhere.yaml']],
      [2, 'This is no JSON', ['ossa:run', 'greet', '--input={name']],
      [2, 'Write a JSON object', ['ossa:run', 'greet', '--input=[1]']],
      [2, '"urgent" is no priority', ['ossa:run', 'greet', '--priority=urgent']],
      [2, '"half" is no label', ['ossa:run', 'greet', '--label=half']],
      [2, '--limit takes a whole number', ['ossa:run:list', '--limit=many']],
      [2, 'has "odd", which is no status', ['ossa:run:list', '--status=odd']],
      [1, 'There is no run nonsense', ['ossa:run:show', 'nonsense']],
      [1, 'There is no run nonsense', ['ossa:retry', 'nonsense']],
      [1, 'there is no run', ['ossa:cancel', 'nonsense']],
      [1, 'there is no run', ['ossa:decide', 'nonsense', 'approve', 'approve']],
    ] as [$code, $message, $command]) {
      self::assertStringContainsString($message, $this->drush($code, ...$command)[1]);
    }
  }

  /**
   * A failed run is shown, tried again and canceled.
   */
  public function testFailedRunIsShownAndTriedAgain(): void {
    [$output] = $this->drush(1, 'ossa:run', 'flaky', '--input={"failures": 1, "how": "permanent"}', '--sync', '--format=json');
    $run = json_decode($output, TRUE)['id'];
    $shown = $this->drush(0, 'ossa:run:show', $run)[0];
    self::assertStringContainsString('TEST_PERMANENT: never', $shown);
    self::assertStringContainsString('attempt_failed', $shown);
    $this->drush(0, 'ossa:retry', $run, '--reason=once more');
    $this->drush(0, 'ossa:work');
    self::assertSame('completed', $this->runs()->get($run)?->getStatus());
    self::assertStringContainsString('No step of run', $this->drush(1, 'ossa:retry', $run)[1]);
  }

  /**
   * A waiting run is decided, another canceled, once.
   */
  public function testWaitingRunIsDecidedOrCanceled(): void {
    $decided = $this->runs()->start('fill-in', ['what' => 'x']);
    self::assertStringContainsString('required property', $this->drush(1, 'ossa:decide', $decided, 'ask', '{"other": 1}')[1]);
    $this->drush(0, 'ossa:decide', $decided, 'ask', '{"note": "good"}');
    self::assertSame(['note' => 'good'], $this->runs()->get($decided)?->getOutput());

    $canceled = $this->runs()->start('ask-first');
    $this->drush(0, 'ossa:cancel', $canceled, '--reason=by mistake');
    self::assertStringContainsString('had ended already', $this->drush(1, 'ossa:cancel', $canceled)[1]);
  }

  /**
   * Runs are pruned by the retention of the settings, after a look at them.
   */
  public function testRunsArePrunedByTheRetention(): void {
    $kept = $this->runs()->execute('greet', ['name' => 'old'])->getId();
    $this->runs()->execute('greet', ['name' => 'new'], new StartOptions());
    $this->config('ossa_eca.settings')->set('retention.completed.max_count', 1)->save();
    [$output, $errors] = $this->drush(0, 'ossa:prune', '--dry-run', '--format=json');
    self::assertSame([$kept], array_column(json_decode($output, TRUE), 'id'));
    self::assertStringContainsString('Runs that would be removed: 1.', $errors);
    self::assertNotNull($this->runs()->get($kept));
    $this->drush(0, 'ossa:prune');
    self::assertNull($this->runs()->get($kept));
  }

  /**
   * Without the extension commands say so, and exit with 2.
   */
  public function testCommandsSayThatTheExtensionIsMissing(): void {
    $without = ['PHP_INI_SCAN_DIR' => FALSE];
    $probe = new Process([PHP_BINARY, '-r', 'exit((int) extension_loaded("ossa"));'], NULL, $without);
    if ($probe->run() !== 0) {
      self::markTestSkipped('The PHP extension "ossa" is loaded wherever PHP runs.');
    }
    foreach ([['ossa:list'], ['ossa:validate'], ['ossa:run', 'greet'], ['ossa:run:list'], ['ossa:prune']] as $command) {
      self::assertStringContainsString('The PHP extension "ossa" is not loaded.', $this->process($without, 2, $command)[1]);
    }
  }

  /**
   * Runs a command.
   *
   * @param int $exit
   *   The exit code that is expected.
   * @param string ...$command
   *   The command and its arguments.
   *
   * @return array{string, string}
   *   What it prints, and its messages.
   */
  private function drush(int $exit, string ...$command): array {
    return $this->process([], $exit, $command);
  }

  /**
   * Runs a command in an environment.
   *
   * @param array<string, string|false> $env
   *   Variables.
   * @param int $exit
   *   The exit code that is expected.
   * @param array<string> $command
   *   The command and its arguments.
   *
   * @return array{string, string}
   *   What it prints, and its messages.
   */
  private function process(array $env, int $exit, array $command): array {
    $process = $this->command($env, $command);
    $process->run();
    $all = implode(' ', $command) . "\n" . $process->getOutput() . $process->getErrorOutput();
    self::assertSame($exit, $process->getExitCode(), $all);
    self::assertStringNotContainsString('terminated abnormally', $all);
    return [$process->getOutput(), (string) preg_replace('/\s+/', ' ', $process->getErrorOutput())];
  }

  /**
   * A command as a process.
   *
   * @param array<string, string|false> $env
   *   Variables.
   * @param array<string> $command
   *   The command and its arguments.
   */
  private function command(array $env, array $command): Process {
    $drush = dirname((string) (new \ReflectionClass(Drush::class))->getFileName(), 2) . '/drush.php';
    return (new Process(
      [PHP_BINARY, $drush, '--root=' . DRUPAL_ROOT, '--uri=' . $this->baseUrl, '--no-interaction', ...$command],
      DRUPAL_ROOT,
      $env + ['HTTP_USER_AGENT' => drupal_generate_test_ua($this->databasePrefix), 'COLUMNS' => '200'],
    ))->setTimeout(120);
  }

}
