<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Drush;

use Drupal\ossa_eca\Page\Show;
use Drupal\ossa_eca\Page\Wording;
use Drupal\ossa_eca\RunSteps;
use Ossa\Runtime\Run;
use Symfony\Component\Console\Formatter\OutputFormatter;

/**
 * A run on a terminal, and as data for programs.
 */
final readonly class RunText {

  public const STEP_COLUMNS = ['Step', 'Status', 'Attempts', 'Took', 'Error'];

  public const EVENT_COLUMNS = ['Time', 'What', 'Step', 'Details'];

  public function __construct(
    private Wording $wording,
    private Show $show,
  ) {}

  /**
   * The run in a line, and its error in another.
   *
   * @param \Ossa\Runtime\Run $run
   *   The run.
   *
   * @return list<string>
   *   The lines.
   */
  public function summary(Run $run): array {
    $error = $run->getError();
    return [
      sprintf('Run %s of %s is %s, %d %% done', $run->getId(), self::escape($run->getWorkflow()), $run->getStatus(), $run->getProgress()),
      ...($error === NULL ? [] : [self::escape(Wording::error($error))]),
    ];
  }

  /**
   * The steps as rows.
   *
   * @param \Ossa\Runtime\Run $run
   *   The run.
   *
   * @return list<list<string>>
   *   The rows.
   */
  public function steps(Run $run): array {
    $rows = [];
    foreach (RunSteps::of($run) as $step) {
      $rows[] = [
        self::escape($step['address'] ?? $step['id']),
        $step['status'],
        (string) $step['attempts'],
        $step['started_at'] === NULL || $step['finished_at'] === NULL ? '' : $this->show->duration($step['finished_at'] - $step['started_at']),
        $step['error'] === NULL ? '' : self::escape(Wording::error($step['error'])),
      ];
    }
    return $rows;
  }

  /**
   * The timeline as rows.
   *
   * @param \Ossa\Runtime\Run $run
   *   The run.
   *
   * @return list<list<string>>
   *   The rows.
   */
  public function events(Run $run): array {
    $rows = [];
    $events = $run->getEvents();
    foreach ($events as $event) {
      $rows[] = [
        sprintf('+%.3f s', ($event['at'] - $events[0]['at']) / 1000),
        $event['type'],
        self::escape(is_string($event['step'] ?? NULL) ? $event['step'] : ''),
        self::escape($this->wording->detail($event)),
      ];
    }
    return $rows;
  }

  /**
   * The run as plain data. The names of the keys are stable.
   *
   * @param \Ossa\Runtime\Run $run
   *   The run.
   *
   * @return array<string, mixed>
   *   The data.
   */
  public static function data(Run $run): array {
    return [
      'id' => $run->getId(),
      'workflow' => $run->getWorkflow(),
      'status' => $run->getStatus(),
      'progress' => $run->getProgress(),
      'correlation_id' => $run->getCorrelationId(),
      'parent' => $run->getParent(),
      'labels' => $run->getLabels(),
      'created_at' => $run->getCreatedAt()->format(\DATE_RFC3339_EXTENDED),
      'ended_at' => $run->getEndedAt()?->format(\DATE_RFC3339_EXTENDED),
      'input' => $run->getInput(),
      'output' => $run->getOutput(),
      'error' => $run->getError(),
      'steps' => $run->getSteps(),
      'events' => $run->getEvents(),
    ];
  }

  /**
   * Text that the terminal takes as text.
   *
   * @param string $text
   *   Any text.
   */
  public static function escape(string $text): string {
    // Control characters could move the cursor, or colour what follows.
    return OutputFormatter::escape((string) preg_replace('/[\x00-\x08\x0b-\x1f\x7f]/', '', $text));
  }

}
