<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Kernel;

use Drupal\Core\Site\Settings;
use Drupal\ossa_eca\StartOptions;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpFoundation\Response;
use Symfony\Component\HttpKernel\TerminableInterface;

/**
 * Runs are started, carried out by workers, and steered.
 *
 * @group ossa_eca
 */
final class RunsTest extends OssaKernelTestBase {

  /**
   * A started task is queued, run by a worker, and has its output.
   */
  public function testStartedTaskIsCarriedOutByTheQueueWorker(): void {
    $id = $this->runs()->start('greet', ['name' => 'Ada']);
    self::assertSame(1, $this->queue()->numberOfItems());
    self::assertSame('running', $this->runs()->get($id)?->getStatus());

    self::assertSame(['ossa_step:normal'], $this->work());

    $run = $this->runs()->get($id);
    self::assertSame('completed', $run?->getStatus());
    self::assertSame('Hello Ada', $run->getOutput()['greeting']);
  }

  /**
   * The queue holds the token and nothing else.
   */
  public function testQueueHoldsTheTokenOnly(): void {
    $this->runs()->start('greet', ['name' => 'secret']);
    $item = $this->next('ossa_step:normal');
    self::assertIsString($item);
    self::assertStringNotContainsString('secret', $item);
  }

  /**
   * Steps of a workflow follow one another.
   */
  public function testWorkflowRunsStepAfterStep(): void {
    $id = $this->runs()->start('greet-twice', ['name' => 'Ada']);
    self::assertCount(2, $this->work());
    self::assertSame(['said' => 'Hello Hello Ada'], $this->runs()->get($id)?->getOutput());
  }

  /**
   * A run can be carried out where it is started.
   */
  public function testExecutedWorkflowHasEndedWhenTheCallReturns(): void {
    $run = $this->runs()->execute('greet-twice', ['name' => 'Ada']);
    self::assertSame('completed', $run->getStatus());
    self::assertSame(0, $this->queue()->numberOfItems());
  }

  /**
   * So it can within a transaction of the site, as when a node is saved.
   */
  public function testExecuteWorksWithinTransactionOfTheSite(): void {
    $transaction = $this->container->get('database')->startTransaction();
    $run = $this->runs()->execute('greet-twice', ['name' => 'Ada']);
    self::assertSame('completed', $run->getStatus());
    $transaction->rollBack();
    unset($transaction);
    self::assertNull($this->runs()->get($run->getId()));
  }

  /**
   * A start within a transaction is queued when that has been committed.
   */
  public function testStartWithinTransactionIsQueuedAfterIt(): void {
    $transaction = $this->container->get('database')->startTransaction();
    $id = $this->runs()->start('greet', ['name' => 'Ada']);
    self::assertSame(0, $this->queue()->numberOfItems());
    unset($transaction);
    $kernel = $this->container->get('kernel');
    self::assertInstanceOf(TerminableInterface::class, $kernel);
    $kernel->terminate(new Request(), new Response());
    self::assertSame(1, $this->queue()->numberOfItems());
    $this->work();
    self::assertSame('completed', $this->runs()->get($id)?->getStatus());
  }

  /**
   * A step may start other runs; expressions see what settings.php gives them.
   */
  public function testStepMayStartOtherRuns(): void {
    new Settings(['ossa_eca_env' => ['GREETED' => 'everybody']] + Settings::getAll());
    $run = $this->runs()->execute('nest');
    self::assertSame([
      'nested' => ['refused' => TRUE, 'nested' => 'completed'],
      'said' => 'Hello everybody',
    ], $run->getOutput());
  }

  /**
   * Urgent runs come first.
   */
  public function testUrgentStepsAreWorkedOffFirst(): void {
    foreach (['low', 'normal', 'critical', 'high'] as $priority) {
      $this->runs()->start('greet', ['name' => $priority], new StartOptions(priority: $priority));
    }
    self::assertSame(['ossa_step:critical', 'ossa_step:high', 'ossa_step:normal', 'ossa_step:low'], $this->work());
  }

  /**
   * An idempotency key starts one run.
   */
  public function testSameIdempotencyKeyIsTheSameRun(): void {
    $options = new StartOptions(idempotencyKey: 'order-1');
    self::assertSame($this->runs()->start('greet', ['name' => 'Ada'], $options), $this->runs()->start('greet', ['name' => 'Ada'], $options));
    self::assertSame(1, $this->queue()->numberOfItems());
  }

}
