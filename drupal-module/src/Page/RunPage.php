<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Page;

use Drupal\Component\Render\FormattableMarkup;
use Drupal\Core\Entity\EntityTypeManagerInterface;
use Drupal\Core\Link;
use Drupal\Core\StringTranslation\StringTranslationTrait;
use Drupal\Core\StringTranslation\TranslatableMarkup;
use Drupal\Core\StringTranslation\TranslationInterface;
use Drupal\Core\Url;
use Drupal\ossa_eca\Execution\ExecutionAccount;
use Drupal\ossa_eca\RunSteps;
use Ossa\Runtime\Run;

/**
 * Where a run stands: what it waits for, its steps, its data.
 */
final class RunPage {

  use StringTranslationTrait;

  /**
   * So many steps are shown.
   */
  private const SHOWN = 500;

  public function __construct(
    private readonly EntityTypeManagerInterface $entityTypeManager,
    private readonly Wording $wording,
    private readonly Show $show,
    private readonly RunOrders $orders,
    TranslationInterface $stringTranslation,
  ) {
    $this->setStringTranslation($stringTranslation);
  }

  /**
   * The page but for its timeline.
   *
   * @param \Ossa\Runtime\Run $run
   *   The run.
   * @param list<array{code: string, text: string, step?: string, until?: int}> $reasons
   *   What it waits for, or why it ended.
   *
   * @return array<string, mixed>
   *   Parts of the page.
   */
  public function build(Run $run, array $reasons): array {
    return [
      '#title' => $this->t('Run of @workflow', ['@workflow' => $run->getWorkflow()]),
      'orders' => $this->orders->ofRun($run),
      'summary' => $this->summary($run),
      'reasons' => $reasons === [] ? [] : [
        '#theme' => 'item_list',
        '#title' => $run->isTerminal() ? $this->t('Why it ended') : $this->t('What it waits for'),
        '#items' => array_map($this->reason(...), $reasons),
      ],
      'steps' => $this->steps($run),
      'input' => $this->show->folded($this->t('Input'), $run->getInput()),
      'output' => $this->show->folded($this->t('Output'), $run->getOutput(), TRUE),
      'variables' => $this->show->folded($this->t('Variables'), $run->getVariables()),
    ];
  }

  /**
   * The run in short.
   *
   * @param \Ossa\Runtime\Run $run
   *   The run.
   *
   * @return array<string, mixed>
   *   A table.
   */
  private function summary(Run $run): array {
    $ended = $run->getEndedAt();
    $parent = $run->getParent();
    $error = $run->getError();
    $rows = [
      [$this->t('Status'), $this->wording->status($run->getStatus())],
      [$this->t('Progress'), $this->t('@percent %', ['@percent' => $run->getProgress()])],
      [$this->t('Error'), $error === NULL ? '' : Wording::error($error)],
      [$this->t('Id'), $run->getId()],
      [$this->t('Created'), $this->show->time($run->getCreatedAt())],
      [$this->t('Ended'), $ended === NULL ? '' : new FormattableMarkup('@when (@took)', [
        '@when' => $this->show->time($ended),
        '@took' => $this->show->duration((int) $ended->format('Uv') - (int) $run->getCreatedAt()->format('Uv')),
      ]),
      ],
      [$this->t('Started for'), $this->initiator($run->getLabels()[ExecutionAccount::LABEL] ?? NULL)],
      [$this->t('Labels'), Wording::labels($run->getLabels())],
      [$this->t('Correlation id'), (string) $run->getCorrelationId()],
      [$this->t('Concurrency group'), (string) $run->getConcurrencyGroup()],
      [$this->t('Started by'), $parent === NULL ? '' : $this->link($parent['run'], $this->t('step @step of @workflow', [
        '@step' => $parent['step'],
        '@workflow' => $parent['workflow'],
      ])),
      ],
    ];
    return [
      '#type' => 'table',
      '#caption' => $this->t('Summary'),
      '#rows' => array_values(array_map(
        static fn (array $row): array => [['data' => $row[0], 'header' => TRUE], ['data' => $row[1]]],
        array_filter($rows, static fn (array $row): bool => $row[1] !== ''),
      )),
      '#attributes' => ['class' => ['ossa-run-summary']],
    ];
  }

  /**
   * The account that a run was started for.
   *
   * @param string|null $uid
   *   Its uid, as labelled.
   *
   * @return array<string, mixed>|string
   *   What to show; empty when it was started for none of this site.
   */
  private function initiator(?string $uid): array|string {
    if ($uid === NULL) {
      return '';
    }
    $user = $this->entityTypeManager->getStorage('user')->load($uid);
    return $user === NULL
      ? (string) $this->t('user @uid, who is gone', ['@uid' => $uid])
      : ['#theme' => 'username', '#account' => $user];
  }

  /**
   * A reason in words.
   *
   * @param array{code: string, text: string, step?: string, until?: int} $reason
   *   The reason.
   *
   * @return array<string, mixed>
   *   A render array.
   */
  private function reason(array $reason): array {
    // Other reasons say in their text when they are over.
    return $this->show->text($reason['code'] === 'answer' && isset($reason['until'])
      ? $this->t('@reason, until @time', ['@reason' => $reason['text'], '@time' => $this->show->time($reason['until'])])
      : $reason['text']);
  }

  /**
   * The steps.
   *
   * @param \Ossa\Runtime\Run $run
   *   The run.
   *
   * @return array<string, mixed>
   *   A table.
   */
  private function steps(Run $run): array {
    $rows = [];
    $steps = RunSteps::of($run);
    foreach (array_slice($steps, 0, self::SHOWN) as $step) {
      $took = is_int($step['started_at']) && is_int($step['finished_at']) ? $step['finished_at'] - $step['started_at'] : NULL;
      $rows[] = [
        ['data' => $this->show->text(($step['name'] === NULL ? '' : $step['name'] . ': ') . ($step['address'] ?? $step['id']))],
        ['data' => $this->show->text($this->wording->status($step['status']))],
        $step['attempts'] === 0 ? '' : $step['attempts'],
        $this->show->time($step['started_at']),
        $this->show->duration($took),
        ['data' => $this->stepData($step)],
        ['data' => $this->orders->ofStep($run, $step)],
      ];
    }
    return [
      '#type' => 'table',
      '#caption' => count($steps) <= self::SHOWN ? $this->t('Steps') : $this->t('The first @count steps; "drush ossa:run:show" has all', ['@count' => self::SHOWN]),
      '#header' => [
        $this->t('Step'),
        $this->t('Status'),
        $this->t('Attempts'),
        $this->t('Began'),
        $this->t('Took'),
        $this->t('Data'),
        $this->t('Operations'),
      ],
      '#rows' => $rows,
      '#attributes' => ['class' => ['ossa-run-steps']],
    ];
  }

  /**
   * Error, input and output of a step.
   *
   * @param array<string, mixed> $step
   *   The step.
   *
   * @return array<string, mixed>
   *   A render array.
   */
  private function stepData(array $step): array {
    return [
      'error' => $step['error'] === NULL ? [] : $this->show->text(Wording::error($step['error'])),
      'child' => $step['child'] === NULL ? [] : [
        '#prefix' => '<div>',
        'link' => $this->link($step['child'], $this->t('Child run'))->toRenderable(),
        '#suffix' => '</div>',
      ],
      'input' => $this->show->folded($this->t('Input'), $step['input']),
      'output' => $this->show->folded($this->t('Output'), $step['output']),
    ];
  }

  /**
   * A link to a run.
   *
   * @param string $run
   *   Its id.
   * @param \Drupal\Core\StringTranslation\TranslatableMarkup $text
   *   The text of the link.
   */
  private function link(string $run, TranslatableMarkup $text): Link {
    return Link::fromTextAndUrl($text, Url::fromRoute('ossa_eca.run', ['run' => $run]));
  }

}
