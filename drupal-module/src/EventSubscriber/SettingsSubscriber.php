<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\EventSubscriber;

use Drupal\Component\Plugin\Discovery\CachedDiscoveryInterface;
use Drupal\Core\Config\ConfigCrudEvent;
use Drupal\Core\Config\ConfigEvents;
use Drupal\ossa_eca\Engine\EngineProvider;
use Drupal\ossa_eca\Outcome\Subscriptions;
use Symfony\Component\DependencyInjection\Attribute\Autowire;
use Symfony\Component\EventDispatcher\EventSubscriberInterface;

/**
 * Has changed settings take effect at once.
 */
final readonly class SettingsSubscriber implements EventSubscriberInterface {

  public function __construct(
    private EngineProvider $engines,
    private Subscriptions $subscriptions,
    #[Autowire(service: 'plugin.manager.queue_worker')]
    private CachedDiscoveryInterface $queueWorkers,
  ) {}

  /**
   * {@inheritdoc}
   *
   * @return array<string, string>
   *   Method by event.
   */
  public static function getSubscribedEvents(): array {
    return [ConfigEvents::SAVE => 'onSave'];
  }

  /**
   * Opens the engine anew, and tells cron how long it may work.
   *
   * @param \Drupal\Core\Config\ConfigCrudEvent $event
   *   Tells what was saved.
   */
  public function onSave(ConfigCrudEvent $event): void {
    if ($event->getConfig()->getName() !== 'ossa_eca.settings') {
      return;
    }
    $this->engines->reset();
    $this->subscriptions->reset();
    if ($event->isChanged('queue')) {
      $this->queueWorkers->clearCachedDefinitions();
    }
  }

}
