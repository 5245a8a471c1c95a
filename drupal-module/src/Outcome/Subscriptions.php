<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Outcome;

use Drupal\Core\Config\ConfigFactoryInterface;
use Drupal\ossa_eca\Engine\EngineProvider;
use Drupal\ossa_eca\Event\OssaEvents;
use Ossa\Runtime\Channels;
use Ossa\Runtime\Exception\ArgumentException;
use Psr\Log\LoggerInterface;
use Symfony\Component\DependencyInjection\Attribute\Autowire;
use Symfony\Component\DependencyInjection\Attribute\AutowireIterator;
use Symfony\Component\EventDispatcher\EventDispatcherInterface;

/**
 * Tells the engine what the site wants to be told, and keeps it told.
 *
 * The engine keeps a delivery for the site with whatever happens to a run, in
 * the same transaction; what nobody listens to is not written.
 */
final class Subscriptions {

  /**
   * Takes what happens to runs.
   */
  public const OUTCOMES = 'drupal.outcomes';

  /**
   * Takes messages of channels.
   */
  public const MESSAGES = 'drupal.messages';

  /**
   * Namespace and key in the store of the engine: what it was told last.
   */
  private const NAMESPACE = 'ossa.drupal';
  private const KEY = 'subscriptions';

  /**
   * How often an event is handed on whose listener fails.
   */
  private const RETRY = [
    'max_attempts' => 5,
    'backoff' => 'exponential',
    'initial_delay_ms' => 5000,
    'max_delay_ms' => 600000,
  ];

  /**
   * What this process knows to be registered.
   *
   * @var list<array<string, mixed>>|null
   */
  private ?array $registered = NULL;

  /**
   * Collects who wants to be told.
   *
   * @param \Drupal\ossa_eca\Engine\EngineProvider $engines
   *   The engine.
   * @param \Drupal\Core\Config\ConfigFactoryInterface $configFactory
   *   The settings.
   * @param \Symfony\Component\EventDispatcher\EventDispatcherInterface $dispatcher
   *   Knows who listens.
   * @param iterable<\Drupal\ossa_eca\Outcome\ChannelSourceInterface> $sources
   *   Name channels.
   * @param \Psr\Log\LoggerInterface $logger
   *   Is told of what is wrong.
   */
  public function __construct(
    private readonly EngineProvider $engines,
    private readonly ConfigFactoryInterface $configFactory,
    #[Autowire(service: 'event_dispatcher')]
    private readonly EventDispatcherInterface $dispatcher,
    #[AutowireIterator('ossa_eca.channel_source')]
    private readonly iterable $sources,
    #[Autowire(service: 'logger.channel.ossa_eca')]
    private readonly LoggerInterface $logger,
  ) {}

  /**
   * Registers what the site wants to be told, where that has changed.
   *
   * What is wrong is left out and logged: it must not keep runs from starting.
   *
   * @throws \Ossa\Runtime\Exception\ExceptionInterface
   *   When the store cannot be reached.
   */
  public function register(): void {
    $wanted = $this->wanted();
    if ($wanted === $this->registered) {
      return;
    }
    $values = $this->engines->engine()->keyValue(self::NAMESPACE);
    $known = $values->get(self::KEY);
    $ours = is_array($known) && is_array($known['names'] ?? NULL) ? $known['names'] : [];
    $hash = hash('xxh128', serialize($wanted));
    if (($known['hash'] ?? NULL) !== $hash && ($wanted !== [] || $ours !== [])) {
      $channels = $this->engines->engine()->channels();
      // An agent of a manifest says itself what it takes.
      $agents = array_diff(array_column($channels->subscribers(), 'name'), $ours);
      $names = [];
      foreach ($wanted as $subscriber) {
        if (!in_array($subscriber['name'], $agents, TRUE) && $this->subscribe($channels, $subscriber)) {
          $names[] = $subscriber['name'];
        }
      }
      foreach (array_diff($ours, $names) as $gone) {
        $channels->unsubscribe($gone);
      }
      $values->set(self::KEY, ['hash' => $hash, 'names' => $names]);
    }
    $this->registered = $wanted;
  }

  /**
   * Forgets what was registered: there may be another store now.
   */
  public function reset(): void {
    $this->registered = NULL;
  }

  /**
   * Registers a subscriber, without what is wrong of it.
   *
   * @param \Ossa\Runtime\Channels $channels
   *   The channels of the engine.
   * @param array<string, mixed> $subscriber
   *   The subscriber.
   *
   * @return bool
   *   FALSE when nothing of it is right.
   */
  private function subscribe(Channels $channels, array $subscriber): bool {
    if ($subscriber['subscriptions'] === []) {
      return $this->isTaken($channels, $subscriber, $subscriber['name']);
    }
    $taken = [];
    foreach ($subscriber['subscriptions'] as $subscription) {
      if ($this->isTaken($channels, ['subscriptions' => [...$taken, $subscription]] + $subscriber, $subscription['channel'])) {
        $taken[] = $subscription;
      }
    }
    return $taken !== [];
  }

  /**
   * Registers a subscriber, and logs why that cannot be.
   *
   * @param \Ossa\Runtime\Channels $channels
   *   The channels of the engine.
   * @param array<string, mixed> $subscriber
   *   The subscriber.
   * @param string $what
   *   What of it may be wrong.
   *
   * @return bool
   *   Whether it is registered.
   */
  private function isTaken(Channels $channels, array $subscriber, string $what): bool {
    try {
      $channels->subscribe($subscriber);
      return TRUE;
    }
    catch (ArgumentException $exception) {
      $this->logger->error('"@what" is left out of what the site listens to: @error', [
        '@what' => $what,
        '@error' => $exception->getMessage(),
      ]);
      return FALSE;
    }
  }

  /**
   * The receivers whose messages go to queues of Drupal.
   *
   * @return array<string, string>
   *   Name of the queue by name of the receiver.
   */
  public function queues(): array {
    $queues = $this->configFactory->get('ossa_eca.settings')->get('deliveries');
    return array_filter(is_array($queues) ? $queues : [], is_string(...));
  }

  /**
   * Subscribers of the site, as the engine takes them.
   *
   * @return list<array<string, mixed>>
   *   Those that somebody listens to.
   */
  private function wanted(): array {
    $outcomes = array_values(array_filter(
      [OssaEvents::RUN_COMPLETED, OssaEvents::RUN_FAILED, OssaEvents::STEP_WAITING],
      $this->dispatcher->hasListeners(...),
    ));
    $messages = $this->dispatcher->hasListeners(OssaEvents::CHANNEL_MESSAGE) ? $this->channels() : [];
    $wanted = array_map(static fn (int|string $name): array => self::subscriber((string) $name), array_keys($this->queues()));
    if ($outcomes !== []) {
      $wanted[] = self::subscriber(self::OUTCOMES, $outcomes);
    }
    if ($messages !== []) {
      $wanted[] = self::subscriber(self::MESSAGES, $messages);
    }
    return $wanted;
  }

  /**
   * A subscriber.
   *
   * @param string $name
   *   Its name.
   * @param list<string> $channels
   *   What it takes, besides what rules send it.
   *
   * @return array<string, mixed>
   *   The subscriber as the engine takes it.
   */
  private static function subscriber(string $name, array $channels = []): array {
    return [
      'name' => $name,
      'subscriptions' => array_map(static fn (string $channel): array => ['channel' => $channel], $channels),
      'retry' => self::RETRY,
      'timeout_ms' => 120000,
    ];
  }

  /**
   * The channels of the settings, and of those who name some.
   *
   * @return list<string>
   *   Names or patterns.
   */
  private function channels(): array {
    $channels = $this->configFactory->get('ossa_eca.settings')->get('channels');
    $channels = array_filter(is_array($channels) ? $channels : [], is_string(...));
    foreach ($this->sources as $source) {
      $channels = [...$channels, ...$source->channels()];
    }
    $channels = array_values(array_unique($channels));
    sort($channels);
    return $channels;
  }

}
