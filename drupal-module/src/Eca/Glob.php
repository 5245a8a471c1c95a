<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Eca;

/**
 * Patterns of names: those of tasks, and those of channels.
 *
 * ECA asks for each event and each model, before it loads anything: a name
 * without wildcards costs a comparison.
 */
final class Glob {

  /**
   * Stands for every name.
   */
  public const ANY = '*';

  /**
   * Whether a name matches a pattern of task names.
   *
   * @param string $pattern
   *   Any text for "*" and any character for "?", also "/" and ".".
   * @param string $name
   *   The name.
   */
  public static function matches(string $pattern, string $name): bool {
    return $pattern === self::ANY || $pattern === $name || (strpbrk($pattern, '*?') !== FALSE
      && preg_match('/\A' . strtr(preg_quote($pattern, '/'), ['\*' => '.*', '\?' => '.']) . '\z/su', $name) === 1);
  }

  /**
   * Whether a channel matches a pattern of channels, as for a subscription.
   *
   * The runtime's own channels match only patterns that name them: a model for
   * all messages is not to answer the events of the runs that it starts.
   *
   * @param string $pattern
   *   A segment or a part of one for "*", any number of segments for "#", and
   *   every channel for "*" alone.
   * @param string $channel
   *   The channel.
   */
  public static function matchesChannel(string $pattern, string $channel): bool {
    if ($pattern === $channel) {
      return TRUE;
    }
    if (str_starts_with($channel, 'ossa.') && !str_starts_with($pattern, 'ossa.')) {
      return FALSE;
    }
    return $pattern === self::ANY || (strpbrk($pattern, '*#') !== FALSE
      && preg_match(self::compileChannel($pattern), $channel . '.') === 1);
  }

  /**
   * The regular expression for a pattern of channels, with a dot at their end.
   *
   * @param string $pattern
   *   The pattern.
   */
  private static function compileChannel(string $pattern): string {
    $expression = '';
    foreach (explode('.', $pattern) as $segment) {
      $expression .= match ($segment) {
        '#' => '(?:[^.]+\.)*',
        '*' => '[^.]+\.',
        default => str_replace('\*', '[^.]*', preg_quote($segment, '/')) . '\.',
      };
    }
    return '/\A' . $expression . '\z/su';
  }

}
