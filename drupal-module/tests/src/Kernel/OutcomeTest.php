<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Kernel;

use Drupal\ossa_eca\Engine\EngineProvider;
use Drupal\ossa_eca\Event\ChannelMessageEvent;
use Drupal\ossa_eca\Event\OssaEvents;
use Drupal\ossa_eca\Event\RunCompletedEvent;
use Drupal\ossa_eca\Event\RunFailedEvent;
use Drupal\ossa_eca\Event\StepWaitingEvent;
use Drupal\ossa_eca\Outcome\Deliveries;
use Symfony\Contracts\EventDispatcher\Event;

/**
 * What happens to runs and on channels becomes events of Drupal.
 *
 * @group ossa_eca
 */
final class OutcomeTest extends OssaKernelTestBase {

  /**
   * The events that were dispatched.
   *
   * @var list<\Symfony\Contracts\EventDispatcher\Event>
   */
  private array $events = [];

  /**
   * The end of a run is told with its output.
   */
  public function testCompletedRunIsToldWithItsOutput(): void {
    $this->listen(OssaEvents::RUN_COMPLETED);
    $id = $this->runs()->start('greet', ['name' => 'Ada']);
    self::assertSame([], $this->events);
    $this->work();
    $event = $this->only(RunCompletedEvent::class);
    self::assertSame([$id, 'greet', 'completed'], [$event->runId, $event->workflow, $event->status]);
    self::assertSame('Hello Ada', $event->output()['greeting'] ?? NULL);
  }

  /**
   * A failure is told with its error.
   */
  public function testFailedRunIsToldWithItsError(): void {
    $this->listen(OssaEvents::RUN_FAILED);
    $this->runs()->start('flaky', ['failures' => 5, 'how' => 'permanent']);
    $this->work();
    self::assertSame('TEST_PERMANENT', $this->only(RunFailedEvent::class)->error()['code']);
  }

  /**
   * A step that waits for people is told by cron; the decision goes on with it.
   */
  public function testWaitingStepIsToldAndDecided(): void {
    $this->listen(OssaEvents::STEP_WAITING);
    $id = $this->runs()->start('ask-first');
    $this->container->get('cron')->run();
    $event = $this->only(StepWaitingEvent::class);
    self::assertSame([$id, 'approve'], [$event->runId, $event->step()]);
    $this->runs()->decide($id, 'approve', 'approve', 'fine');
    $this->work();
    self::assertSame('completed', $this->runs()->get($id)?->getStatus());
    self::assertSame(['greet'], $this->container->get('state')->get('ossa_eca_test.calls'));
  }

  /**
   * An event whose listener fails comes again; the others come once.
   */
  public function testEventWhoseListenerFailsComesAgain(): void {
    $this->listen(OssaEvents::RUN_COMPLETED, failures: 1);
    $this->runs()->start('greet', ['name' => 'Ada']);
    $this->work();
    self::assertCount(1, $this->events);
    self::assertSame(0, $this->service(Deliveries::class)->handOn(), 'Not before the delay of the retry.');
  }

  /**
   * What nobody listens to is not written.
   */
  public function testNothingIsKeptForNobody(): void {
    $this->runs()->start('greet', ['name' => 'Ada']);
    $this->work();
    self::assertSame(0, $this->service(Deliveries::class)->handOn());
    self::assertSame([], $this->service(EngineProvider::class)->engine()->channels()->last('#')['records']);
  }

  /**
   * Messages of channels that the settings name become events.
   */
  public function testMessageOfChannelBecomesAnEvent(): void {
    $this->setting('channels', ['orders.*']);
    $this->listen(OssaEvents::CHANNEL_MESSAGE);
    $id = $this->runs()->publish('orders.new', ['order' => 7]);
    $this->runs()->publish('elsewhere', ['order' => 8]);
    $this->service(Deliveries::class)->handOn();
    $event = $this->only(ChannelMessageEvent::class);
    self::assertSame([$id, 'orders.new', 'drupal'], [$event->id, $event->channel, $event->source]);
    self::assertSame(['order' => 7], $event->payload);
  }

  /**
   * A channel that is none is left out and logged; runs start all the same.
   */
  public function testChannelThatIsNoneIsLeftOut(): void {
    $log = new LogCollector();
    $this->container->get('logger.factory')->addLogger($log);
    $this->setting('channels', ['#.#..', 'orders.*']);
    $this->setting('deliveries', ['no name' => 'my_mails']);
    $this->listen(OssaEvents::CHANNEL_MESSAGE);
    $this->runs()->start('greet', ['name' => 'Ada']);
    $this->runs()->publish('orders.new', ['order' => 7]);
    $this->service(Deliveries::class)->handOn();
    self::assertSame('orders.new', $this->only(ChannelMessageEvent::class)->channel);
    self::assertCount(2, $log->of('error'));
  }

  /**
   * Messages for a receiver that the settings name go to a queue of Drupal.
   */
  public function testMessageRoutedToReceiverGoesToItsQueue(): void {
    $this->setting('deliveries', ['mailer' => 'my_mails']);
    $this->runs()->publish('mail.new', ['to' => 'ada@example.com'], 'shop');
    $this->service(Deliveries::class)->handOn();
    $mail = $this->next('my_mails');
    self::assertIsArray($mail);
    self::assertSame(['mail.new', ['to' => 'ada@example.com']], [$mail['channel'], $mail['payload']]);
    self::assertSame(0, $this->service(Deliveries::class)->handOn());
  }

  /**
   * Listens to an event.
   *
   * @param string $name
   *   Its name.
   * @param int $failures
   *   How often the listener fails.
   */
  private function listen(string $name, int $failures = 0): void {
    $this->container->get('event_dispatcher')->addListener($name, function (Event $event) use ($failures): void {
      $this->events[] = $event;
      if (count($this->events) <= $failures) {
        throw new \RuntimeException('not now');
      }
    });
  }

  /**
   * The only event that was dispatched.
   *
   * @param class-string<T> $class
   *   Its class.
   *
   * @return T
   *   The event.
   *
   * @template T of \Symfony\Contracts\EventDispatcher\Event
   */
  private function only(string $class): Event {
    self::assertCount(1, $this->events);
    self::assertInstanceOf($class, $this->events[0]);
    return $this->events[0];
  }

}
