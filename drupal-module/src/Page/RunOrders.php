<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Page;

use Drupal\Core\StringTranslation\StringTranslationTrait;
use Drupal\Core\StringTranslation\TranslatableMarkup;
use Drupal\Core\StringTranslation\TranslationInterface;
use Drupal\Core\Url;
use Drupal\ossa_eca\RunSteps;
use Ossa\Runtime\Run;

/**
 * Links to what may be done with a run now, by who looks at it.
 */
final class RunOrders {

  use StringTranslationTrait;

  /**
   * The kinds of steps that a person answers.
   */
  public const DECIDABLE = ['human', 'approval'];

  public function __construct(TranslationInterface $stringTranslation) {
    $this->setStringTranslation($stringTranslation);
  }

  /**
   * Links for the whole run.
   *
   * @param \Ossa\Runtime\Run $run
   *   The run.
   *
   * @return array<string, mixed>
   *   A render array.
   */
  public function ofRun(Run $run): array {
    return [
      '#type' => 'container',
      '#attributes' => ['class' => ['ossa-run-orders']],
      'retry' => RunSteps::failed($run) === [] ? [] : $this->link($this->t('Retry all failed steps'), 'retry', $run),
      'cancel' => $run->isTerminal() ? [] : $this->link($this->t('Cancel run'), 'cancel', $run),
    ];
  }

  /**
   * Links for a step.
   *
   * @param \Ossa\Runtime\Run $run
   *   The run.
   * @param array<string, mixed> $step
   *   The step, as of \Drupal\ossa_eca\RunSteps.
   *
   * @return array<string, mixed>
   *   A render array.
   */
  public function ofStep(Run $run, array $step): array {
    return match (TRUE) {
      $step['address'] === NULL => [],
      $step['status'] === 'failed' => ['retry' => $this->link($this->t('Retry'), 'retry', $run, $step['address'])],
      self::isDecidable($step) => ['decide' => $this->link($this->t('Decide'), 'decide', $run, $step['address'])],
      default => [],
    };
  }

  /**
   * Whether a step waits for a person.
   *
   * @param array<string, mixed> $step
   *   The step.
   */
  public static function isDecidable(array $step): bool {
    return $step['status'] === 'waiting' && in_array($step['kind'] ?? NULL, self::DECIDABLE, TRUE);
  }

  /**
   * A link that is there for those who may follow it.
   *
   * @param \Drupal\Core\StringTranslation\TranslatableMarkup $title
   *   Its text.
   * @param string $order
   *   Last part of the name of the route.
   * @param \Ossa\Runtime\Run $run
   *   The run.
   * @param string|null $step
   *   Address of the step.
   *
   * @return array<string, mixed>
   *   A render array.
   */
  private function link(TranslatableMarkup $title, string $order, Run $run, ?string $step = NULL): array {
    $url = Url::fromRoute('ossa_eca.run.' . $order, ['run' => $run->getId()], $step === NULL ? [] : ['query' => ['step' => $step]]);
    return [
      '#type' => 'link',
      '#title' => $title,
      '#url' => $url,
      '#access' => $url->access(NULL, TRUE),
      '#attributes' => ['class' => ['button', 'button--small']],
    ];
  }

}
