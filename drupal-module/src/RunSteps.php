<?php

declare(strict_types=1);

namespace Drupal\ossa_eca;

use Ossa\Runtime\Run;

/**
 * The steps of a run with their addresses.
 *
 * The address of a step is its id; where a block runs it more than once,
 * "mail[2]" is its third instance.
 */
final class RunSteps {

  /**
   * The steps of a run.
   *
   * @param \Ossa\Runtime\Run $run
   *   The run.
   *
   * @return list<array<string, mixed>>
   *   As of Run::getSteps(), and "address": NULL for one that has none, because
   *   it is in a block and has the id of a step outside.
   */
  public static function of(Run $run): array {
    $steps = $run->getSteps();
    $places = [];
    foreach ($steps as $number => $step) {
      $places[$step['id']][$number] = [$step['scope'] ?? 0, $step['node'] ?? $number];
    }
    $addresses = [];
    foreach ($places as $id => $instances) {
      $outside = array_filter($instances, static fn (array $place): bool => $place[0] === 0);
      $named = $outside === [] ? $instances : $outside;
      asort($named);
      foreach (array_keys($named) as $index => $number) {
        $addresses[$number] = count($named) === 1 ? (string) $id : $id . '[' . $index . ']';
      }
    }
    foreach ($steps as $number => $step) {
      $steps[$number]['address'] = $addresses[$number] ?? NULL;
    }
    return $steps;
  }

  /**
   * A step of a run.
   *
   * @param \Ossa\Runtime\Run $run
   *   The run.
   * @param string $address
   *   Its address.
   *
   * @return array<string, mixed>|null
   *   The step; NULL when there is none.
   */
  public static function find(Run $run, string $address): ?array {
    foreach (self::of($run) as $step) {
      if ($step['address'] === $address) {
        return $step;
      }
    }
    return NULL;
  }

  /**
   * The addresses of the steps that have failed.
   *
   * @param \Ossa\Runtime\Run $run
   *   The run.
   *
   * @return list<string>
   *   The addresses.
   */
  public static function failed(Run $run): array {
    $failed = [];
    foreach (self::of($run) as $step) {
      if ($step['status'] === 'failed' && $step['address'] !== NULL) {
        $failed[] = $step['address'];
      }
    }
    return $failed;
  }

}
