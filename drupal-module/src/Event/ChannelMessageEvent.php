<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Event;

use Symfony\Contracts\EventDispatcher\Event;

/**
 * A message was published on a channel. It may be told more than once.
 */
final class ChannelMessageEvent extends Event {

  /**
   * Tells of a message.
   *
   * @param string $id
   *   Id of the message.
   * @param string $channel
   *   The channel.
   * @param string $source
   *   Who published it.
   * @param string|null $type
   *   What it is about.
   * @param mixed $payload
   *   What it carries.
   * @param string|null $correlationId
   *   What joins it with others.
   */
  public function __construct(
    public readonly string $id,
    public readonly string $channel,
    public readonly string $source,
    public readonly ?string $type,
    public readonly mixed $payload,
    public readonly ?string $correlationId,
  ) {}

}
