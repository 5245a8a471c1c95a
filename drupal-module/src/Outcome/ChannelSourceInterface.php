<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Outcome;

/**
 * Names channels whose messages are to become events of Drupal.
 *
 * Tag a service "ossa_eca.channel_source". It is asked often: be quick.
 */
interface ChannelSourceInterface {

  /**
   * The channels.
   *
   * @return list<string>
   *   Names of channels, or patterns.
   */
  public function channels(): array;

}
