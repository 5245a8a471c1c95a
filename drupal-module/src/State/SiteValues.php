<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\State;

use Drupal\Core\State\StateInterface;

/**
 * Small values, variables and pointers of the whole site, in the State API.
 *
 * They are for what several runs share: a threshold, a switch, the id of the
 * last run of its kind. There is no compare-and-set: the last writer wins. What
 * belongs to one run is in the run.
 */
final readonly class SiteValues {

  private const KEY = 'ossa_eca.values';

  /**
   * All values are one entry of the State API: more would be slow to read.
   */
  private const MAX_BYTES = 65536;

  public function __construct(private StateInterface $state) {}

  /**
   * A value.
   *
   * @param string $name
   *   Its name.
   * @param mixed $default
   *   What to return when there is none.
   */
  public function get(string $name, mixed $default = NULL): mixed {
    return $this->all()[$name] ?? $default;
  }

  /**
   * Sets a value.
   *
   * @param string $name
   *   Its name.
   * @param array<array-key, mixed>|scalar|null $value
   *   Plain data; NULL removes it.
   *
   * @throws \InvalidArgumentException
   *   When the name is none, or there would be too much.
   */
  public function set(string $name, array|bool|float|int|string|null $value): void {
    if (preg_match('/^[a-zA-Z0-9_.:-]{1,128}$/', $name) !== 1) {
      throw new \InvalidArgumentException(sprintf('"%s" is no name of a value: use 1 to 128 letters, digits, "_", ".", ":" and "-".', $name));
    }
    $values = $this->all();
    unset($values[$name]);
    if ($value !== NULL) {
      $values[$name] = $value;
    }
    if (strlen(serialize($values)) > self::MAX_BYTES) {
      throw new \InvalidArgumentException(sprintf('With "%s" the values of the site would exceed %d bytes. Keep large data elsewhere, and a pointer to it here.', $name, self::MAX_BYTES));
    }
    $this->state->set(self::KEY, $values);
  }

  /**
   * All values.
   *
   * @return array<string, mixed>
   *   Values by name.
   */
  public function all(): array {
    $values = $this->state->get(self::KEY);
    return is_array($values) ? $values : [];
  }

}
