<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Page;

use Drupal\Core\Datetime\DateFormatterInterface;
use Drupal\Core\StringTranslation\StringTranslationTrait;
use Drupal\Core\StringTranslation\TranslatableMarkup;
use Drupal\Core\StringTranslation\TranslationInterface;

/**
 * Shows times and data of runs. All text is escaped.
 */
final class Show {

  use StringTranslationTrait;

  /**
   * So much of a value is shown, in bytes.
   */
  private const MAX_BYTES = 50000;

  /**
   * How much of all values may still be shown on this page, in bytes.
   */
  private int $left = 2000000;

  public function __construct(
    private readonly DateFormatterInterface $dates,
    TranslationInterface $stringTranslation,
  ) {
    $this->setStringTranslation($stringTranslation);
  }

  /**
   * Text.
   *
   * @param \Stringable|string|int|null $text
   *   Any text.
   *
   * @return array{'#plain_text': string}
   *   A render array.
   */
  public function text(\Stringable|string|int|null $text): array {
    return ['#plain_text' => (string) $text];
  }

  /**
   * Data, as JSON for people.
   *
   * @param mixed $value
   *   Plain data.
   *
   * @return array<string, mixed>
   *   A render array.
   */
  public function data(mixed $value): array {
    $json = self::json($value);
    $most = max(0, min(self::MAX_BYTES, $this->left));
    $hidden = strlen($json) - $most;
    $this->left -= strlen($json);
    if ($hidden > 0) {
      $json = mb_strcut($json, 0, $most, 'UTF-8') . "…\n" . $this->t('@count bytes are not shown here: "drush ossa:run:show" has all.', ['@count' => $hidden]);
    }
    return [
      '#prefix' => '<pre>',
      '#plain_text' => $json,
      '#suffix' => '</pre>',
    ];
  }

  /**
   * Data that unfolds.
   *
   * @param \Drupal\Core\StringTranslation\TranslatableMarkup $title
   *   Its title.
   * @param mixed $value
   *   Plain data.
   * @param bool $open
   *   Whether it is unfolded.
   *
   * @return array<string, mixed>
   *   A render array; empty when there is no data.
   */
  public function folded(TranslatableMarkup $title, mixed $value, bool $open = FALSE): array {
    return $value === NULL || $value === [] ? [] : [
      '#type' => 'details',
      '#title' => $title,
      '#open' => $open,
      'data' => $this->data($value),
    ];
  }

  /**
   * Data as JSON.
   *
   * @param mixed $value
   *   Plain data.
   */
  public static function json(mixed $value): string {
    return (string) json_encode($value, \JSON_PRETTY_PRINT | \JSON_UNESCAPED_SLASHES | \JSON_UNESCAPED_UNICODE | \JSON_INVALID_UTF8_SUBSTITUTE | \JSON_PRESERVE_ZERO_FRACTION);
  }

  /**
   * A moment.
   *
   * @param \DateTimeInterface|int|null $when
   *   A date, or milliseconds since the Unix epoch.
   */
  public function time(\DateTimeInterface|int|null $when): string {
    if ($when === NULL) {
      return '';
    }
    return $this->dates->format(is_int($when) ? intdiv($when, 1000) : $when->getTimestamp(), 'custom', 'Y-m-d H:i:s');
  }

  /**
   * A length of time.
   *
   * @param int|null $milliseconds
   *   The length.
   */
  public function duration(?int $milliseconds): string {
    return match (TRUE) {
      $milliseconds === NULL => '',
      $milliseconds < 60000 => sprintf('%.3f s', $milliseconds / 1000),
      default => (string) $this->dates->formatInterval(intdiv($milliseconds, 1000)),
    };
  }

}
