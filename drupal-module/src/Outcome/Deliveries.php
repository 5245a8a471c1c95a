<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Outcome;

use Drupal\Core\Database\Connection;
use Drupal\Core\Queue\DatabaseQueue;
use Drupal\Core\Queue\QueueFactory;
use Drupal\ossa_eca\Engine\EngineProvider;
use Drupal\ossa_eca\Event\ChannelMessageEvent;
use Drupal\ossa_eca\Event\OssaEvents;
use Drupal\ossa_eca\Event\RunCompletedEvent;
use Drupal\ossa_eca\Event\RunFailedEvent;
use Drupal\ossa_eca\Event\StepWaitingEvent;
use Drupal\ossa_eca\Execution\StepFailure;
use Drupal\ossa_eca\Store\Commit;
use Ossa\Runtime\ChannelDelivery;
use Ossa\Runtime\Channels;
use Psr\Log\LoggerInterface;
use Symfony\Component\DependencyInjection\Attribute\Autowire;
use Symfony\Contracts\EventDispatcher\EventDispatcherInterface;

/**
 * Hands on what the engine has for the site, as events and to queues.
 *
 * What was not handed on, or whose listener failed, comes again.
 */
final readonly class Deliveries {

  private const BATCH = 20;

  private const RUN_EVENTS = [
    OssaEvents::RUN_COMPLETED => RunCompletedEvent::class,
    OssaEvents::RUN_FAILED => RunFailedEvent::class,
    OssaEvents::STEP_WAITING => StepWaitingEvent::class,
  ];

  public function __construct(
    private EngineProvider $engines,
    private Subscriptions $subscriptions,
    private EventDispatcherInterface $dispatcher,
    private QueueFactory $queues,
    private Connection $database,
    #[Autowire(service: 'logger.channel.ossa_eca')]
    private LoggerInterface $logger,
  ) {}

  /**
   * Hands on what there is.
   *
   * @return int
   *   How many were handed on.
   *
   * @throws \Ossa\Runtime\Exception\ExceptionInterface
   *   When the store cannot be reached.
   */
  public function handOn(): int {
    $this->subscriptions->register();
    $queues = $this->subscriptions->queues();
    $names = [Subscriptions::OUTCOMES, Subscriptions::MESSAGES, ...array_keys($queues)];
    $channels = $this->engines->engine()->channels();
    $done = 0;
    while (($deliveries = $channels->receive($names, self::BATCH)) !== []) {
      foreach ($deliveries as $delivery) {
        $done += (int) $this->one($channels, $delivery, $queues[$delivery->getSubscriber()] ?? NULL);
      }
    }
    return $done;
  }

  /**
   * Hands on one.
   *
   * @param \Ossa\Runtime\Channels $channels
   *   The channels of the engine.
   * @param \Ossa\Runtime\ChannelDelivery $delivery
   *   What to hand on.
   * @param string|null $queue
   *   The queue it goes to; NULL for an event.
   *
   * @return bool
   *   Whether it was taken.
   */
  private function one(Channels $channels, ChannelDelivery $delivery, ?string $queue): bool {
    try {
      $queue === NULL ? $this->dispatch($delivery) : $this->enqueue($channels, $delivery, $queue);
    }
    catch (\Throwable $failure) {
      $answer = $channels->fail($delivery, array_filter(StepFailure::describe($failure), static fn (mixed $value): bool => $value !== NULL));
      $this->logger->log($answer['outcome'] === 'retry' ? 'warning' : 'error', 'A message of "@channel" for "@subscriber" could not be handed on in attempt @attempt (@outcome): @error', [
        '@channel' => $delivery->getChannel(),
        '@subscriber' => $delivery->getSubscriber(),
        '@attempt' => $delivery->getAttempt(),
        '@outcome' => $answer['outcome'],
        '@error' => $failure->getMessage(),
        'exception' => $failure,
      ]);
      return FALSE;
    }
    if ($queue === NULL) {
      $channels->ack($delivery);
    }
    return TRUE;
  }

  /**
   * Dispatches the event of a delivery.
   *
   * @param \Ossa\Runtime\ChannelDelivery $delivery
   *   The delivery.
   */
  private function dispatch(ChannelDelivery $delivery): void {
    $payload = $delivery->getPayload();
    $class = $delivery->getSubscriber() === Subscriptions::OUTCOMES ? self::RUN_EVENTS[$delivery->getChannel()] ?? NULL : NULL;
    if ($class === NULL) {
      $event = new ChannelMessageEvent($delivery->getMessageId(), $delivery->getChannel(), $delivery->getSource(), $delivery->getType(), $payload, $delivery->getCorrelationId());
      $this->dispatcher->dispatch($event, OssaEvents::CHANNEL_MESSAGE);
      return;
    }
    $payload = is_array($payload) ? $payload : [];
    $data = $payload['event'] ?? NULL;
    $event = new $class(
      (string) ($payload['run'] ?? ''),
      (string) ($payload['workflow'] ?? ''),
      (string) ($payload['status'] ?? ''),
      $delivery->getCorrelationId(),
      is_array($data) ? $data : [],
    );
    $this->dispatcher->dispatch($event, $delivery->getChannel());
  }

  /**
   * Puts a delivery into a queue of Drupal.
   *
   * @param \Ossa\Runtime\Channels $channels
   *   The channels of the engine.
   * @param \Ossa\Runtime\ChannelDelivery $delivery
   *   The delivery.
   * @param string $name
   *   Name of the queue.
   */
  private function enqueue(Channels $channels, ChannelDelivery $delivery, string $name): void {
    $queue = $this->queues->get($name, TRUE);
    $transaction = $queue instanceof DatabaseQueue && $this->engines->isOnSiteDatabase() ? $this->database->startTransaction() : NULL;
    try {
      $taken = $queue->createItem([
        'id' => $delivery->getMessageId(),
        'channel' => $delivery->getChannel(),
        'source' => $delivery->getSource(),
        'type' => $delivery->getType(),
        'payload' => $delivery->getPayload(),
        'correlation_id' => $delivery->getCorrelationId(),
        'effect_key' => $delivery->getEffectKey(),
      ]);
      if ($taken === FALSE) {
        throw new \RuntimeException(sprintf('The queue "%s" has not taken the message.', $name));
      }
      $channels->ack($delivery);
      if ($transaction !== NULL) {
        Commit::of($transaction);
      }
    }
    catch (\Throwable $throwable) {
      $transaction?->rollBack();
      throw $throwable;
    }
  }

}
