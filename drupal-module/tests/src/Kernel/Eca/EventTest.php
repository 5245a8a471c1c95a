<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Kernel\Eca;

use Drupal\ossa_eca\Event\ChannelMessageEvent;
use Drupal\ossa_eca\Event\OssaEvents;
use Drupal\ossa_eca\Event\RunCompletedEvent;
use Drupal\ossa_eca\Event\RunFailedEvent;
use Drupal\ossa_eca\Event\StepWaitingEvent;
use Drupal\ossa_eca\Outcome\Deliveries;
use Symfony\Contracts\EventDispatcher\Event;

/**
 * Events of the engine reach the models that are for them, with their tokens.
 *
 * @group ossa_eca
 */
final class EventTest extends EcaKernelTestBase {

  /**
   * A model is run for the tasks that its pattern matches, and for no others.
   */
  public function testModelAnswersTheTasksOfItsPattern(): void {
    $this->model('task_execute', ['task' => 'greet*'], [self::note('[task:name]')]);
    $this->ask('shout');
    self::assertNull($this->noted());
    $this->ask('greet-twice');
    self::assertSame('greet-twice', $this->noted());
  }

  /**
   * Without a pattern it is run for all.
   */
  public function testModelWithoutPatternAnswersAllTasks(): void {
    $this->model('task_execute', ['task' => ' '], [self::note('[task:name] [task:input:who:name] [task]')]);
    $this->ask('anything', ['who' => ['name' => 'Ada']]);
    self::assertSame('anything Ada anything', $this->noted());
  }

  /**
   * A completed run is told with its output.
   */
  public function testCompletedRunHasTokensOfItsOutput(): void {
    $this->model('run_completed', ['task' => 'greet'], [
      self::note('[run:id] [run:status] [run:workflow] [run:correlation_id] [result:a:b] [result:list:1] [run:output:a:b] [result:yes]'),
    ]);
    $data = ['output' => ['a' => ['b' => '01'], 'list' => ['x', 'y'], 'yes' => TRUE]];
    $this->dispatch(new RunCompletedEvent('r1', 'greet', 'completed', 'c1', $data), OssaEvents::RUN_COMPLETED);
    self::assertSame('r1 completed greet c1 01 y 01 1', $this->noted());
    $this->dispatch(new RunCompletedEvent('r2', 'other', 'completed', NULL, []), OssaEvents::RUN_COMPLETED);
    self::assertStringStartsWith('r1', (string) $this->noted());
  }

  /**
   * An output that is text is the token itself.
   */
  public function testScalarOutputIsTheTokenItself(): void {
    $this->model('run_completed', [], [self::note('<[result]>')]);
    $this->dispatch(new RunCompletedEvent('r1', 'greet', 'completed', NULL, ['output' => 'done']), OssaEvents::RUN_COMPLETED);
    self::assertSame('<done>', $this->noted());
  }

  /**
   * Keys by which ECA tells its own arrays are plain keys of an output.
   */
  public function testOutputMayHaveKeysThatAreSpecialToEca(): void {
    $this->model('run_completed', [], [self::note('[result:types:a] [result:values:a] [result:in:types:b]')]);
    $output = [
      'types' => ['a' => 'no_such_type'],
      'values' => ['a' => 'v'],
      'in' => ['types' => ['b' => 'x'], 'values' => ['b' => 'y']],
      '-' => 'minus',
      '+' => 'plus',
    ];
    $this->dispatch(new RunCompletedEvent('r1', 'greet', 'completed', NULL, ['output' => $output]), OssaEvents::RUN_COMPLETED);
    self::assertSame('no_such_type v x', $this->noted());
  }

  /**
   * A failed run is told with its error.
   */
  public function testFailedRunHasTokensOfItsError(): void {
    $this->model('run_failed', [], [self::note('[run:error] ([run:error:code] in [run:error:step])')]);
    $error = ['code' => 'TIMEOUT', 'message' => 'too slow', 'step_id' => 'load', 'attempt' => 3];
    $this->dispatch(new RunFailedEvent('r1', 'greet', 'failed', NULL, ['error' => $error]), OssaEvents::RUN_FAILED);
    self::assertSame('too slow (TIMEOUT in load)', $this->noted());
  }

  /**
   * A waiting step is told with what there is to decide on.
   */
  public function testWaitingStepHasTokensOfWhatThereIsToDecide(): void {
    $this->model('step_waiting', ['task' => 'ask-*'], [self::note('[run:id] [step:id] [step] [step:input:title] [step:assignee]')]);
    $data = ['step' => 'approve', 'input' => ['title' => 'Draft'], 'assignee' => 'editor'];
    $this->dispatch(new StepWaitingEvent('r1', 'ask-first', 'waiting', NULL, $data), OssaEvents::STEP_WAITING);
    self::assertSame('r1 approve approve Draft editor', $this->noted());
  }

  /**
   * A message is told with its payload, to the models of its channel.
   */
  public function testMessageHasTokensOfItsPayload(): void {
    $this->model('channel_message', ['channel' => 'orders.*'], [
      self::note('[message:id] [message:channel] [message:source] [message:type] [message:payload:order:total]'),
    ]);
    $payload = ['order' => ['total' => 12.5]];
    $this->dispatch(new ChannelMessageEvent('m1', 'orders.placed', 'shop', 'placed', $payload, NULL), OssaEvents::CHANNEL_MESSAGE);
    self::assertSame('m1 orders.placed shop placed 12.5', $this->noted());
    $this->dispatch(new ChannelMessageEvent('m2', 'orders.placed.late', 'shop', NULL, [], NULL), OssaEvents::CHANNEL_MESSAGE);
    self::assertStringStartsWith('m1', (string) $this->noted());
  }

  /**
   * The channel of a model is subscribed to when the model is saved.
   */
  public function testModelReceivesWhatIsPublishedOnItsChannel(): void {
    $this->model('channel_message', ['channel' => 'orders.*'], [self::note('[message:payload:nr]')]);
    $this->runs()->publish('orders.placed', ['nr' => 7]);
    $this->runs()->publish('other.channel', ['nr' => 8]);
    self::assertSame(1, $this->service(Deliveries::class)->handOn());
    self::assertSame('7', $this->noted());
  }

  /**
   * An event comes again when an action fails, where the model says so.
   */
  public function testEventComesAgainWhenAnActionFails(): void {
    $failing = ['ossa_cancel_action', ['run' => 'no-such-run']];
    $this->model('channel_message', ['channel' => 'orders.placed', 'repeat' => TRUE], [$failing]);
    $this->runs()->publish('orders.placed', []);
    self::assertSame(0, $this->service(Deliveries::class)->handOn());
    self::assertNotSame([], array_filter($this->log->of('warning'), static fn (string $line): bool => str_contains($line, 'could not be handed on')));
  }

  /**
   * Otherwise it comes once.
   */
  public function testEventComesOnceUnlessTheModelSaysOtherwise(): void {
    $this->model('channel_message', ['channel' => 'orders.placed'], [['ossa_cancel_action', ['run' => 'no-such-run']]]);
    $this->runs()->publish('orders.placed', []);
    self::assertSame(1, $this->service(Deliveries::class)->handOn());
  }

  /**
   * Every event tells site builders its tokens.
   */
  public function testEveryEventTellsItsTokens(): void {
    $tokens = [
      'task_execute' => 'task',
      'run_completed' => 'result',
      'run_failed' => 'run',
      'step_waiting' => 'step',
      'channel_message' => 'message',
    ];
    foreach ($tokens as $derivative => $token) {
      $plugin = $this->event($derivative);
      self::assertContains($token, array_column($plugin->getTokens(), 'name'), $derivative);
    }
  }

  /**
   * Dispatches an event.
   *
   * @param \Symfony\Contracts\EventDispatcher\Event $event
   *   The event.
   * @param string $name
   *   Its name.
   */
  private function dispatch(Event $event, string $name): void {
    $this->container->get('event_dispatcher')->dispatch($event, $name);
    self::assertSame([], $this->log->above('warning'));
  }

}
