<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Execution;

use Drupal\ossa_eca\Engine\EngineProvider;

/**
 * Carries out a run in this process, also within a transaction of the site.
 */
final readonly class RunAtOnce {

  /**
   * So many steps are taken from the queue at once.
   */
  private const BATCH = 10;

  public function __construct(
    private EngineProvider $engines,
    private StepRunner $runner,
  ) {}

  /**
   * Runs the steps of a run until there are none to run now.
   *
   * @param string $id
   *   Id of the run, started by the engine for such runs.
   */
  public function run(string $id): void {
    $engine = $this->engines->engineAtOnce();
    $transport = $engine->transport(['queue' => EngineProvider::AT_ONCE, 'prefetch' => 1]);
    $others = [];
    try {
      while (($deliveries = $transport->receive(self::BATCH)) !== []) {
        foreach ($deliveries as $delivery) {
          $token = $delivery->getToken();
          if ($token !== NULL && ($delivery->getStep()['run'] ?? NULL) === $id) {
            $this->runner->attempt($engine, $token);
          }
          else {
            $others[] = $delivery->getId();
          }
        }
      }
    }
    finally {
      // Steps of runs of other processes, which will look for them again.
      foreach ($others as $other) {
        $transport->release($other);
      }
      $transport->close();
    }
  }

}
