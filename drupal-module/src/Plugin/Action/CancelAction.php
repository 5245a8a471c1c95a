<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Plugin\Action;

use Drupal\Core\Action\Attribute\Action;
use Drupal\Core\Form\FormStateInterface;
use Drupal\Core\StringTranslation\TranslatableMarkup;
use Drupal\eca\Attribute\EcaAction;
use Drupal\ossa_eca\Eca\OssaActionBase;

/**
 * Cancels a run. One that has ended stays as it is.
 */
#[Action(
  id: 'ossa_cancel_action',
  label: new TranslatableMarkup('OSSA: cancel a run'),
)]
#[EcaAction(
  description: new TranslatableMarkup('Cancels an OSSA run; steps that undo what was done are run first. A run that has ended stays as it is.'),
  version_introduced: '1.0.0',
)]
final class CancelAction extends OssaActionBase {

  /**
   * {@inheritdoc}
   */
  protected function carryOut(): void {
    $this->runs->cancel($this->must('run'), $this->text('reason'));
  }

  /**
   * {@inheritdoc}
   */
  public function defaultConfiguration(): array {
    return ['run' => '[run:id]', 'reason' => ''] + parent::defaultConfiguration();
  }

  /**
   * {@inheritdoc}
   */
  public function buildConfigurationForm(array $form, FormStateInterface $form_state): array {
    $form['run'] = ['#required' => TRUE] + $this->textField($this->t('Run'), 'run', $this->t('The id of the run.'));
    $form['reason'] = $this->textField($this->t('Reason'), 'reason', $this->t('For the timeline of the run.'));
    return parent::buildConfigurationForm($form, $form_state);
  }

}
