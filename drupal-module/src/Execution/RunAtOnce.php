<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Execution;

use Drupal\ossa_eca\Engine\EngineProvider;
use Ossa\Runtime\StartedRun;
use Ossa\Runtime\Transport;

/**
 * Carries out a run in this process, also within a transaction of the site.
 */
final readonly class RunAtOnce {

  /**
   * So many steps are looked through for those of the run.
   */
  private const BATCH = 100;

  /**
   * How long to wait for a step that is on its way, in milliseconds.
   *
   * Stores of the engine's own are read in the background; what is in the
   * database of the site is there at once.
   */
  private const PATIENCE = 500;

  public function __construct(
    private EngineProvider $engines,
    private StepRunner $runner,
  ) {}

  /**
   * Starts a run, and runs its steps until there are none to run now.
   *
   * @param \Closure(\Ossa\Runtime\Engine): \Ossa\Runtime\StartedRun $start
   *   Starts the run with the engine for such runs.
   *
   * @return \Ossa\Runtime\StartedRun
   *   The run.
   */
  public function run(\Closure $start): StartedRun {
    // In one write, so that no other process can take the steps in between.
    [$started, $transport, $tokens] = $this->engines->together(function () use ($start): array {
      $engine = $this->engines->engineAtOnce();
      $started = $start($engine);
      $transport = $engine->transport(['queue' => EngineProvider::AT_ONCE]);
      return [$started, $transport, $this->take($transport, $started->getId(), TRUE)];
    });
    try {
      while ($tokens !== []) {
        $goesOn = FALSE;
        foreach ($tokens as $token) {
          $report = $this->runner->attempt($this->engines->engineAtOnce(), $token);
          $goesOn = $report?->getRunStatus() === 'running' && $report->getNext() === 'handled';
        }
        $tokens = $this->take($transport, $started->getId(), $goesOn);
      }
    }
    finally {
      $transport->close();
    }
    return $started;
  }

  /**
   * Takes the steps of a run, and leaves those of others.
   *
   * @param \Ossa\Runtime\Transport $transport
   *   The queue of such runs.
   * @param string $run
   *   Id of the run.
   * @param bool $expected
   *   Whether a step is on its way.
   *
   * @return list<string>
   *   Tokens of the steps.
   */
  private function take(Transport $transport, string $run, bool $expected): array {
    $wait = $expected && !$this->engines->isOnSiteDatabase() ? self::PATIENCE : 0;
    $tokens = $others = [];
    foreach ($transport->receive(self::BATCH, $wait) as $delivery) {
      $token = $delivery->getToken();
      if ($token !== NULL && ($delivery->getStep()['run'] ?? NULL) === $run) {
        $tokens[] = $token;
      }
      else {
        $others[] = $delivery->getId();
      }
    }
    foreach ($others as $other) {
      $transport->release($other);
    }
    return $tokens;
  }

}
