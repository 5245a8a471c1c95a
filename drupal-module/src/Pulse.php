<?php

declare(strict_types=1);

namespace Drupal\ossa_eca;

use Drupal\Component\Datetime\TimeInterface;
use Drupal\ossa_eca\Engine\EngineProvider;
use Drupal\ossa_eca\Engine\EngineUnavailableException;
use Drupal\ossa_eca\Outcome\Deliveries;
use Drupal\ossa_eca\Queue\StepRelay;
use Psr\Log\LoggerInterface;
use Symfony\Component\DependencyInjection\Attribute\Autowire;

/**
 * Keeps runs going: fires what is due, queues steps, hands on what happened.
 *
 * Workers do it after each step, and cron does it.
 */
final class Pulse {

  /**
   * How often a busy worker looks for what other processes left, in seconds.
   */
  private const LOOK_EVERY = 5.0;

  /**
   * When the engine is to fire what is due again.
   */
  private float $tickAt = 0.0;

  /**
   * When to look again for what other processes left.
   */
  private float $lookAt = 0.0;

  public function __construct(
    private readonly EngineProvider $engines,
    private readonly StepRelay $relay,
    private readonly Deliveries $deliveries,
    private readonly Retention $retention,
    private readonly TimeInterface $time,
    #[Autowire(service: 'logger.channel.ossa_eca')]
    private readonly LoggerInterface $logger,
  ) {}

  /**
   * In a worker, after a step.
   *
   * @param string|null $runStatus
   *   Status of the run then; NULL when there was nothing to do.
   */
  public function afterStep(?string $runStatus): void {
    $now = $this->time->getCurrentMicroTime();
    $look = $now >= $this->lookAt;
    if ($look) {
      $this->lookAt = $now + self::LOOK_EVERY;
    }
    if ($now >= $this->tickAt) {
      $this->attempt(fn () => $this->tickAt = $now + max(10, $this->engines->engine()->tick()) / 1000);
    }
    $look ? $this->relay->drainAll() : $this->relay->drain();
    if ($look || $runStatus !== 'running') {
      $this->attempt(fn () => $this->deliveries->handOn());
    }
  }

  /**
   * In a worker that has nothing to do.
   *
   * @return float
   *   Seconds until it should be called again, at most one.
   */
  public function beat(): float {
    $this->tickAt = $this->lookAt = 0.0;
    $this->afterStep(NULL);
    return max(0.02, min(1.0, $this->tickAt - $this->time->getCurrentMicroTime()));
  }

  /**
   * In cron: all there is to do, before the queues are worked off.
   */
  public function cron(): void {
    try {
      $this->engines->engine();
    }
    catch (EngineUnavailableException $exception) {
      $this->logger->error('Runs of tasks and workflows cannot go on: @error', ['@error' => $exception->getMessage()]);
      return;
    }
    $this->attempt(function (): void {
      // More than a batch may be due; what comes up meanwhile can wait.
      for ($round = 0; $round < 100 && $this->engines->engine()->tick() === 0; ++$round);
    });
    $this->relay->drainAll();
    $this->attempt(fn () => $this->deliveries->handOn());
    $this->attempt($this->prune(...));
  }

  /**
   * Removes what is not to be kept any longer.
   */
  private function prune(): void {
    $engine = $this->engines->engine();
    $rules = $this->retention->rules();
    $removed = $rules === [] ? 0 : count($engine->prune($rules, FALSE, 1000));
    $engine->channels()->prune(1000);
    if ($removed > 0) {
      $this->logger->info('@count runs that had ended were removed, as the retention of the settings says.', ['@count' => $removed]);
    }
  }

  /**
   * Does what may fail without keeping the rest from being done.
   *
   * @param \Closure(): mixed $do
   *   What to do.
   */
  private function attempt(\Closure $do): void {
    try {
      $do();
    }
    catch (EngineUnavailableException) {
      // Cron and the status report tell.
    }
    catch (\Throwable $throwable) {
      $this->logger->error('Runs could not be kept going; it is tried again. @error', [
        '@error' => $throwable->getMessage(),
        'exception' => $throwable,
      ]);
    }
  }

}
