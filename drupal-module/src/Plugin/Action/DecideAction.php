<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Plugin\Action;

use Drupal\Core\Action\Attribute\Action;
use Drupal\Core\Form\FormStateInterface;
use Drupal\Core\StringTranslation\TranslatableMarkup;
use Drupal\eca\Attribute\EcaAction;
use Drupal\ossa_eca\Eca\ActionFailure;
use Drupal\ossa_eca\Eca\InputYaml;
use Drupal\ossa_eca\Eca\OssaActionBase;

/**
 * Answers a step that waits for a person, in the name of the current user.
 */
#[Action(
  id: 'ossa_decide_action',
  label: new TranslatableMarkup('OSSA: decide a waiting step'),
)]
#[EcaAction(
  description: new TranslatableMarkup('Answers a step of an OSSA run that waits for a person, in the name of the current user. The run goes on.'),
  version_introduced: '1.0.0',
)]
final class DecideAction extends OssaActionBase {

  /**
   * {@inheritdoc}
   */
  protected function carryOut(): void {
    $decision = InputYaml::parse($this->configuration['decision'], $this->tokenService);
    if ($decision === NULL || $decision === '') {
      throw new ActionFailure('MISSING_VALUE', 'The decision of the action is empty.');
    }
    $this->runs->decide($this->must('run'), $this->must('step'), $decision, $this->text('comment'));
  }

  /**
   * {@inheritdoc}
   */
  public function defaultConfiguration(): array {
    return [
      'run' => '[run:id]',
      'step' => '[step:id]',
      'decision' => 'approve',
      'comment' => '',
    ] + parent::defaultConfiguration();
  }

  /**
   * {@inheritdoc}
   */
  public function buildConfigurationForm(array $form, FormStateInterface $form_state): array {
    $form['run'] = ['#required' => TRUE] + $this->textField($this->t('Run'), 'run', $this->t('The id of the run.'));
    $form['step'] = ['#required' => TRUE] + $this->textField($this->t('Step'), 'step', $this->t('The id of the step.'));
    $form['decision'] = ['#required' => TRUE] + $this->yamlField($this->t('Decision'), 'decision', $this->t('<em>approve</em> or <em>reject</em>, or the fields of the form of a human task as YAML.'));
    $form['comment'] = $this->textField($this->t('Comment'), 'comment', $this->t('For the timeline of the run.'));
    return parent::buildConfigurationForm($form, $form_state);
  }

  /**
   * {@inheritdoc}
   *
   * @param mixed[] $form
   *   The form.
   * @param \Drupal\Core\Form\FormStateInterface $form_state
   *   Its state.
   */
  public function validateConfigurationForm(array &$form, FormStateInterface $form_state): void {
    parent::validateConfigurationForm($form, $form_state);
    $this->checkYaml($form, $form_state, 'decision', FALSE);
  }

}
