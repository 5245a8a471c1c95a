<?php

declare(strict_types=1);

namespace Drupal\ossa_eca_effects_test;

use Drupal\Core\Database\Connection;
use Drupal\ossa_eca\Attribute\OssaCapability;
use Drupal\ossa_eca\Event\OssaEvents;
use Drupal\ossa_eca\Event\RunEvent;
use Drupal\ossa_eca\Execution\StepContext;
use Symfony\Component\EventDispatcher\EventSubscriberInterface;

/**
 * Writes down each call of a capability, and each end of a run that is told.
 */
final readonly class Effects implements EventSubscriberInterface {

  public const CALLED = 'called';

  public function __construct(private Connection $database) {}

  /**
   * {@inheritdoc}
   */
  public static function getSubscribedEvents(): array {
    return [OssaEvents::RUN_COMPLETED => 'told', OssaEvents::RUN_FAILED => 'told'];
  }

  /**
   * Does what leaves a trace.
   *
   * @param array<string, mixed> $input
   *   With "number".
   * @param \Drupal\ossa_eca\Execution\StepContext $context
   *   The step.
   *
   * @return array{number: int}
   *   The number.
   */
  #[OssaCapability('effects_record')]
  public function record(array $input, StepContext $context): array {
    $this->write(self::CALLED, $context->runId);
    return ['number' => (int) $input['number']];
  }

  /**
   * Fails each time.
   *
   * @param array<string, mixed> $input
   *   Nothing.
   * @param \Drupal\ossa_eca\Execution\StepContext $context
   *   The step.
   */
  #[OssaCapability('effects_fail')]
  public function fail(array $input, StepContext $context): never {
    $this->write(self::CALLED, $context->runId);
    throw new \RuntimeException('<em>The printer</em> is on fire.');
  }

  /**
   * Hears that a run has ended.
   *
   * @param \Drupal\ossa_eca\Event\RunEvent $event
   *   The event.
   */
  public function told(RunEvent $event): void {
    $this->write($event->status, $event->runId);
  }

  /**
   * How often something was done for each run.
   *
   * @param string $what
   *   What was done: CALLED, or the status that a run was told to end with.
   *
   * @return array<string, int>
   *   Counts by run.
   */
  public function counts(string $what): array {
    $query = $this->database->select('ossa_eca_effects', 'e')->condition('what', $what)->fields('e', ['run'])->groupBy('run');
    $query->addExpression('COUNT(*)', 'times');
    return array_map(intval(...), $query->execute()?->fetchAllKeyed() ?? []);
  }

  /**
   * When something was done for a run.
   *
   * @param string $what
   *   As of counts().
   * @param string $run
   *   Id of the run.
   *
   * @return list<float>
   *   Seconds since the Unix epoch, in order.
   */
  public function times(string $what, string $run): array {
    $query = $this->database->select('ossa_eca_effects', 'e')->condition('what', $what)->condition('run', $run)->fields('e', ['at'])->orderBy('at');
    return array_values(array_map(floatval(...), $query->execute()?->fetchCol() ?? []));
  }

  /**
   * Writes down that something was done.
   *
   * @param string $what
   *   What.
   * @param string $run
   *   Id of the run.
   */
  private function write(string $what, string $run): void {
    $this->database->insert('ossa_eca_effects')->fields(['what' => $what, 'run' => $run, 'at' => microtime(TRUE)])->execute();
  }

}
