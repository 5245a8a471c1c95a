<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Eca;

use Drupal\Core\State\StateInterface;
use Drupal\ossa_eca\Event\OssaEvents;
use Drupal\ossa_eca\Outcome\ChannelSourceInterface;

/**
 * The channels that models of ECA listen to.
 */
final readonly class ModelChannels implements ChannelSourceInterface {

  /**
   * Where ECA keeps the wildcards of the events of all active models.
   */
  private const SUBSCRIBED = 'eca.subscribed';

  public function __construct(private StateInterface $state) {}

  /**
   * {@inheritdoc}
   */
  public function channels(): array {
    $channels = [];
    $subscribed = $this->state->get(self::SUBSCRIBED);
    // By priority, model and event of the model.
    $models = is_array($subscribed) ? $subscribed[OssaEvents::CHANNEL_MESSAGE] ?? [] : [];
    array_walk_recursive($models, static function (mixed $channel) use (&$channels): void {
      if (is_string($channel)) {
        $channels[] = $channel;
      }
    });
    return $channels;
  }

}
