<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Kernel;

use Drupal\Core\Queue\SuspendQueueException;
use Drupal\Tests\user\Traits\UserCreationTrait;
use Drupal\ossa_eca\Engine\EngineProvider;
use Drupal\ossa_eca\Execution\StepRunner;
use Drupal\ossa_eca\StartOptions;
use Drupal\user\Entity\User;
use PHPUnit\Framework\Attributes\DataProvider;

/**
 * Steps run as an account, are tried again, and fail as the manifest says.
 *
 * @group ossa_eca
 */
final class StepRunnerTest extends OssaKernelTestBase {

  use UserCreationTrait;

  /**
   * What is logged, each with its level.
   */
  private LogCollector $log;

  /**
   * {@inheritdoc}
   */
  protected function setUp(): void {
    parent::setUp();
    $this->installConfig(['user']);
    $this->installSchema('user', ['users_data']);
    $this->log = new LogCollector();
    $this->container->get('logger.factory')->addLogger($this->log);
    // The first user may do anything: not one for these tests.
    $this->createUser();
  }

  /**
   * A step that fails is tried again, later, as its manifest says.
   */
  public function testFailedStepIsTriedAgain(): void {
    $id = $this->runs()->start('flaky', ['failures' => 1]);
    $this->work();
    $this->waitForRetry();
    self::assertSame('completed', $this->runs()->get($id)?->getStatus());
    self::assertSame(['attempt' => 2], $this->runs()->get($id)->getOutput());
    self::assertSame([], $this->log->above('notice'));
  }

  /**
   * A step without attempts left fails its run; nothing stays in the queue.
   */
  public function testStepFailsForGoodAfterItsAttempts(): void {
    $id = $this->runs()->start('flaky', ['failures' => 5]);
    $this->work();
    $this->waitForRetry();
    $run = $this->runs()->get($id);
    self::assertSame('failed', $run?->getStatus());
    self::assertSame('not yet', $run->getError()['message'] ?? NULL);
    self::assertSame(0, $this->queue()->numberOfItems());
    self::assertCount(1, $this->log->above('warning'));
  }

  /**
   * An error of PHP is a failure like any other.
   */
  public function testErrorOfPhpIsTheFailureOfItsStep(): void {
    $id = $this->runs()->start('flaky', ['failures' => 5, 'how' => 'error']);
    $this->work();
    $this->waitForRetry();
    self::assertSame('<b>broken</b>', $this->runs()->get($id)?->getError()['message'] ?? NULL);
  }

  /**
   * What says that it is permanent is not tried again.
   */
  public function testPermanentFailureIsNotTriedAgain(): void {
    $id = $this->runs()->start('flaky', ['failures' => 5, 'how' => 'permanent']);
    $this->work();
    $run = $this->runs()->get($id);
    self::assertSame('TEST_PERMANENT', $run?->getError()['code'] ?? NULL);
    self::assertSame(1, $run->getSteps()[0]['attempts']);
  }

  /**
   * A failed run goes on when its steps are retried by hand.
   */
  public function testFailedRunIsRetriedByHand(): void {
    $id = $this->runs()->start('flaky', ['failures' => 1, 'how' => 'permanent']);
    $this->work();
    self::assertSame('failed', $this->runs()->get($id)?->getStatus());
    self::assertSame(1, $this->runs()->retry($id));
    $this->work();
    self::assertSame('completed', $this->runs()->get($id)?->getStatus());
  }

  /**
   * So is one that was carried out where it was started, by the workers then.
   */
  public function testExecutedRunThatFailedIsRetriedByWorkers(): void {
    $run = $this->runs()->execute('flaky', ['failures' => 1, 'how' => 'permanent']);
    self::assertSame('failed', $run->getStatus());
    $this->runs()->retry($run->getId());
    $this->work();
    self::assertSame('completed', $this->runs()->get($run->getId())?->getStatus());
  }

  /**
   * A service is a capability by its tag alone.
   */
  public function testTaggedServiceIsCalled(): void {
    self::assertSame(['text' => 'HEY'], $this->runs()->execute('shout', ['text' => 'hey'])->getOutput());
  }

  /**
   * A step that nothing carries out says what was looked for.
   */
  public function testUnboundCapabilitySaysWhatWasLookedFor(): void {
    $error = $this->runs()->execute('unbound')->getError();
    self::assertSame('NO_CAPABILITY', $error['code'] ?? NULL);
    self::assertStringContainsString('capability "nobody_does_this"', $error['message'] ?? '');
  }

  /**
   * An action plugin is called when the settings allow it, and only then.
   */
  public function testActionPluginIsCalledOnlyWhenAllowed(): void {
    $error = $this->runs()->execute('say', ['name' => 'Ada'])->getError();
    self::assertStringContainsString('"action_message_action", which is no action plugin that the settings allow', $error['message'] ?? '');

    $this->setting('plugins', ['action_message_*']);
    self::assertSame('completed', $this->runs()->execute('say', ['name' => 'Ada'])->getStatus());
    self::assertSame(['Hello Ada'], array_map(strval(...), $this->container->get('messenger')->messagesByType('status')));
  }

  /**
   * What an action acts on is named by the input; access is checked.
   */
  public function testActionOnEntityNeedsAccess(): void {
    $this->setting('plugins', ['user_block_user_action']);
    $user = $this->account();
    $input = ['entity' => ['type' => 'user', 'id' => $user->id()]];
    self::assertSame('ACCESS_DENIED', $this->runs()->execute('block-user', $input)->getError()['code'] ?? NULL);
    self::assertSame(1, (int) User::load($user->id())?->get('status')->value);

    $this->setUpCurrentUser([], ['administer users']);
    self::assertSame('completed', $this->runs()->execute('block-user', $input)->getStatus());
    self::assertSame(0, (int) User::load($user->id())?->get('status')->value);
    $input['entity']['id'] = 99999;
    self::assertSame('ENTITY_GONE', $this->runs()->execute('block-user', $input)->getError()['code'] ?? NULL);
  }

  /**
   * What a transactional step writes is kept only with its result.
   *
   * @param string $how
   *   How the step ends.
   * @param int $kept
   *   How much of what it wrote is there then.
   *
   * @dataProvider transactionalSteps
   */
  #[DataProvider('transactionalSteps')]
  public function testWhatTransactionalStepWritesIsKeptWithItsResultOnly(string $how, int $kept): void {
    $database = $this->container->get('database');
    $database->schema()->createTable('ossa_eca_test_booked', ['fields' => ['seat' => ['type' => 'int']]]);
    $id = $this->runs()->start('book', ['how' => $how]);
    $this->work();
    self::assertSame($kept === 1 ? 'completed' : 'failed', $this->runs()->get($id)?->getStatus());
    self::assertSame($kept, (int) $database->query('SELECT COUNT(*) FROM {ossa_eca_test_booked}')?->fetchField());
  }

  /**
   * How transactional steps end.
   *
   * @return array<string, array{string, int}>
   *   How, and what is kept.
   */
  public static function transactionalSteps(): array {
    return [
      'well' => ['', 1],
      'with an exception' => ['exception', 0],
      'with an output that is refused' => ['refused', 0],
    ];
  }

  /**
   * A queued step runs as the user who started it.
   */
  public function testStepRunsAsTheUserWhoStartedIt(): void {
    $user = $this->setUpCurrentUser();
    $id = $this->runs()->start('greet', ['name' => 'Ada']);
    $this->setCurrentUser(User::getAnonymousUser());
    $this->work();
    self::assertSame((int) $user->id(), $this->runs()->get($id)?->getOutput()['uid'] ?? NULL);
    self::assertSame(0, (int) $this->container->get('current_user')->id());
  }

  /**
   * The settings may name one account for all steps.
   */
  public function testStepRunsAsTheConfiguredAccount(): void {
    $account = $this->account();
    $this->setting('account', ['mode' => 'configured', 'uid' => (int) $account->id()]);
    $id = $this->runs()->start('greet', ['name' => 'Ada'], new StartOptions(uid: 1));
    $this->work();
    self::assertSame((int) $account->id(), $this->runs()->get($id)?->getOutput()['uid'] ?? NULL);
  }

  /**
   * Without its user a run goes on as the configured account, with a notice.
   */
  public function testRunWhoseUserIsGoneRunsAsTheConfiguredAccount(): void {
    $gone = $this->account();
    $account = $this->account();
    $this->setting('account.uid', (int) $account->id());
    $id = $this->runs()->start('greet', ['name' => 'Ada'], new StartOptions(uid: (int) $gone->id()));
    $gone->delete();
    $this->work();
    self::assertSame((int) $account->id(), $this->runs()->get($id)?->getOutput()['uid'] ?? NULL);
    self::assertStringContainsString($id, implode(' ', $this->log->of('notice')));
    self::assertSame([], $this->log->above('notice'));
  }

  /**
   * A token of another store is removed with an error in the log.
   */
  public function testForgedTokenIsRefusedAndRemoved(): void {
    $this->queue()->createItem('no token at all');
    $this->work();
    self::assertSame(0, $this->queue()->numberOfItems());
    self::assertCount(1, $this->log->of('error'));
  }

  /**
   * An item stays in the queue while the engine cannot be used.
   */
  public function testItemStaysWhileTheEngineCannotBeUsed(): void {
    $this->runs()->start('greet', ['name' => 'Ada']);
    $this->setting('store.dsn', 'nonsense');
    $this->expectException(SuspendQueueException::class);
    $this->service(StepRunner::class)->run((string) $this->next('ossa_step:normal'));
  }

  /**
   * A user without permissions.
   */
  private function account(): User {
    $user = $this->createUser();
    return $user instanceof User ? $user : throw new \LogicException('There is no user.');
  }

  /**
   * Waits until a retry is due, and works it off.
   */
  private function waitForRetry(): void {
    $engine = $this->service(EngineProvider::class)->engine();
    // The manifest says 1 ms.
    usleep(20000);
    $engine->tick();
    $this->container->get('cron')->run();
    $this->work();
  }

}
