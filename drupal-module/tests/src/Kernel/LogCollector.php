<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Kernel;

use Drupal\Component\Render\MarkupInterface;
use Drupal\Core\Logger\RfcLogLevel;
use Drupal\Core\Logger\RfcLoggerTrait;
use Psr\Log\LoggerInterface;

/**
 * Keeps what is logged.
 */
final class LogCollector implements LoggerInterface {

  use RfcLoggerTrait;

  private const LEVELS = [
    'emergency' => RfcLogLevel::EMERGENCY,
    'critical' => RfcLogLevel::CRITICAL,
    'error' => RfcLogLevel::ERROR,
    'warning' => RfcLogLevel::WARNING,
    'notice' => RfcLogLevel::NOTICE,
    'info' => RfcLogLevel::INFO,
  ];

  /**
   * Level and text of each entry.
   *
   * @var list<array{int, string}>
   */
  private array $entries = [];

  /**
   * {@inheritdoc}
   *
   * @param mixed $level
   *   The level.
   * @param string|\Stringable $message
   *   The message.
   * @param array<string, mixed> $context
   *   What to put into it.
   */
  public function log($level, string|\Stringable $message, array $context = []): void {
    $values = array_filter($context, static fn (mixed $value): bool => is_scalar($value) || $value instanceof MarkupInterface);
    $this->entries[] = [(int) $level, strtr((string) $message, array_map(strval(...), $values))];
  }

  /**
   * What was logged with a level.
   *
   * @param string $level
   *   The level.
   *
   * @return list<string>
   *   The texts.
   */
  public function of(string $level): array {
    return array_column(array_filter($this->entries, static fn (array $entry): bool => $entry[0] === self::LEVELS[$level]), 1);
  }

  /**
   * What was logged with a higher level.
   *
   * @param string $level
   *   The level.
   *
   * @return list<string>
   *   The texts.
   */
  public function above(string $level): array {
    return array_column(array_filter($this->entries, static fn (array $entry): bool => $entry[0] < self::LEVELS[$level]), 1);
  }

}
