<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Page;

use Drupal\Core\StringTranslation\StringTranslationTrait;
use Drupal\Core\StringTranslation\TranslationInterface;
use Ossa\Runtime\Run;

/**
 * What happened to a run, in order.
 */
final class RunTimeline {

  use StringTranslationTrait;

  /**
   * So many events are shown, the latest.
   */
  private const SHOWN = 500;

  public function __construct(
    private readonly Wording $wording,
    private readonly Show $show,
    TranslationInterface $stringTranslation,
  ) {
    $this->setStringTranslation($stringTranslation);
  }

  /**
   * The timeline.
   *
   * @param \Ossa\Runtime\Run $run
   *   The run.
   *
   * @return array<string, mixed>
   *   A render array.
   */
  public function build(Run $run): array {
    $events = $run->getEvents();
    $origin = $events[0]['at'] ?? 0;
    $hidden = max(0, count($events) - self::SHOWN);
    $rows = [];
    foreach (array_slice($events, $hidden) as $event) {
      $rows[] = [
        [
          'data' => $this->show->text(sprintf('+%.3f s', ($event['at'] - $origin) / 1000)),
          'title' => $this->show->time($event['at']),
        ],
        ['data' => $this->show->text($this->wording->event($event['type']))],
        ['data' => $this->show->text(is_string($event['step'] ?? NULL) ? $event['step'] : '')],
        ['data' => $this->show->text($this->wording->detail($event))],
      ];
    }
    return [
      'hidden' => $hidden === 0 ? [] : [
        '#markup' => $this->formatPlural($hidden, 'The earliest event is not shown: "drush ossa:run:show" has it.', 'The @count earliest events are not shown: "drush ossa:run:show" has them.'),
        '#prefix' => '<p>',
        '#suffix' => '</p>',
      ],
      'events' => [
        '#type' => 'table',
        '#caption' => $this->t('Timeline'),
        '#header' => [
          $this->t('Time'),
          $this->t('What'),
          $this->t('Step'),
          $this->t('Details'),
        ],
        '#rows' => $rows,
        '#attributes' => ['class' => ['ossa-run-timeline']],
      ],
    ];
  }

}
