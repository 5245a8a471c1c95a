<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Queue;

/**
 * Lets a worker finish its step when it is asked to stop.
 *
 * Asked are those that systemd, supervisor or a person at the keyboard stops.
 * Where PHP has no "pcntl" they stop at once; the engine has their step done
 * again when its lease is over.
 */
final class StopSignals {

  private const SIGNALS = ['SIGTERM', 'SIGINT'];

  /**
   * Whether the worker was asked to stop.
   */
  private bool $received = FALSE;

  /**
   * What is done with signals otherwise, by signal.
   *
   * @var array<int, mixed>
   */
  private array $before = [];

  /**
   * Begins to listen.
   */
  public function __construct() {
    if (!extension_loaded('pcntl')) {
      return;
    }
    pcntl_async_signals(TRUE);
    foreach (self::SIGNALS as $name) {
      $signal = (int) constant($name);
      $this->before[$signal] = pcntl_signal_get_handler($signal);
      pcntl_signal($signal, function (): void {
        $this->received = TRUE;
      });
    }
  }

  /**
   * Whether the worker was asked to stop.
   */
  public function received(): bool {
    return $this->received;
  }

  /**
   * Stops listening.
   */
  public function restore(): void {
    foreach ($this->before as $signal => $handler) {
      if (is_int($handler) || is_callable($handler)) {
        pcntl_signal($signal, $handler);
      }
    }
    $this->before = [];
  }

}
