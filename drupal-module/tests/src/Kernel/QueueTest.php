<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Kernel;

use Drupal\Core\Database\Connection;
use Drupal\Core\DependencyInjection\ContainerBuilder;
use Drupal\Core\Site\Settings;
use Drupal\ossa_eca\Queue\Worker;
use Drupal\ossa_eca\StartOptions;
use Drupal\ossa_eca_test\ImmediateQueueFactory;
use Ossa\Runtime\RunSummary;
use Symfony\Component\DependencyInjection\Reference;

/**
 * Steps travel on Drupal's queues, whatever these are made of.
 *
 * @group ossa_eca
 */
final class QueueTest extends OssaKernelTestBase {

  /**
   * {@inheritdoc}
   */
  public function register(ContainerBuilder $container): void {
    parent::register($container);
    $container->register(ImmediateQueueFactory::class, ImmediateQueueFactory::class)
      ->addArgument(new Reference('plugin.manager.queue_worker'))
      ->addTag('queue_factory');
  }

  /**
   * A queue that handles items at once and cannot be polled is one, too.
   *
   * Such are the queues of "sm", Symfony Messenger for Drupal.
   */
  public function testQueueThatHandlesItemsAtOnceIsOneToo(): void {
    new Settings(['queue_default' => ImmediateQueueFactory::class] + Settings::getAll());
    // That of normal steps was there before.
    $id = $this->runs()->start('greet-twice', ['name' => 'Ada'], new StartOptions(priority: 'high'));
    self::assertSame('completed', $this->runs()->get($id)?->getStatus());
    self::assertSame(['first', 'second'], $this->container->get('state')->get('ossa_eca_test.calls'));
  }

  /**
   * Cron works off the queue of what is urgent first.
   */
  public function testCronWorksOffWhatIsUrgentFirst(): void {
    $ids = [];
    foreach (['low', 'high', 'normal', 'critical'] as $priority) {
      $ids[$this->runs()->start('greet-twice', ['name' => $priority], new StartOptions(priority: $priority))] = $priority;
    }
    $this->container->get('cron')->run();
    $runs = $this->runs()->list(['status' => 'completed']);
    usort($runs, static fn (RunSummary $one, RunSummary $other): int => $one->getEndedAt() <=> $other->getEndedAt());
    self::assertSame(StartOptions::PRIORITIES, array_map(static fn (RunSummary $run): string => $ids[$run->getId()], $runs));
  }

  /**
   * The worker takes what is urgent first, each time anew.
   */
  public function testWorkerTakesWhatIsUrgentFirst(): void {
    $low = $this->runs()->start('greet-twice', ['name' => 'low'], new StartOptions(priority: 'low'));
    $this->runs()->start('greet', ['name' => 'critical'], new StartOptions(priority: 'critical'));
    self::assertSame(1, $this->service(Worker::class)->run(0, 1));
    self::assertSame(['greet'], $this->container->get('state')->get('ossa_eca_test.calls'));
    self::assertSame(2, $this->service(Worker::class)->run(0));
    self::assertSame('completed', $this->runs()->get($low)?->getStatus());
  }

  /**
   * The worker fires retries when they are due.
   */
  public function testWorkerFiresRetriesWhenTheyAreDue(): void {
    $id = $this->runs()->start('flaky', ['failures' => 1]);
    $worker = $this->service(Worker::class);
    // The manifest says 1 ms.
    for ($round = 0; $round < 100 && $this->runs()->get($id)?->getStatus() === 'running'; ++$round) {
      $worker->run(0.05);
    }
    self::assertSame('completed', $this->runs()->get($id)?->getStatus());
  }

  /**
   * A worker that is asked to stop ends its step, and leaves the others.
   */
  public function testWorkerThatIsAskedToStopEndsItsStep(): void {
    if (!extension_loaded('pcntl') || !extension_loaded('posix')) {
      $this->markTestSkipped('PHP has no "pcntl".');
    }
    $stopped = $this->runs()->start('stop');
    $other = $this->runs()->start('stop');
    self::assertSame(1, $this->service(Worker::class)->run(60));
    self::assertSame('completed', $this->runs()->get($stopped)?->getStatus());
    self::assertSame('running', $this->runs()->get($other)?->getStatus());
    self::assertSame(\SIG_DFL, pcntl_signal_get_handler(\SIGTERM));
  }

  /**
   * A step whose item was lost comes again; one that comes twice runs once.
   */
  public function testItemThatComesTwiceRunsOnce(): void {
    $id = $this->runs()->start('greet', ['name' => 'Ada']);
    $token = $this->next('ossa_step:normal');
    $this->queue()->createItem($token);
    $this->queue('high')->createItem($token);
    $this->work();
    self::assertSame('completed', $this->runs()->get($id)?->getStatus());
    self::assertSame(['greet'], $this->container->get('state')->get('ossa_eca_test.calls'));
  }

  /**
   * A start whose queue fails is durable all the same.
   */
  public function testStartIsDurableAlthoughTheQueueFails(): void {
    $database = $this->container->get('database');
    self::assertInstanceOf(Connection::class, $database);
    $database->schema()->dropTable('queue');
    $database->schema()->createTable('queue', ['fields' => ['nothing' => ['type' => 'int']]]);
    $id = $this->runs()->start('greet', ['name' => 'Ada']);
    self::assertSame('running', $this->runs()->get($id)?->getStatus());
    $database->schema()->dropTable('queue');
    $this->container->get('cron')->run();
    self::assertSame('completed', $this->runs()->get($id)->getStatus());
  }

}
