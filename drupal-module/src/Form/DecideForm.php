<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Form;

use Drupal\Component\Serialization\Exception\InvalidDataTypeException;
use Drupal\Component\Serialization\Yaml;
use Drupal\Core\Form\FormStateInterface;
use Drupal\Core\StringTranslation\TranslatableMarkup;
use Drupal\ossa_eca\Page\RunOrders;
use Drupal\ossa_eca\RunSteps;
use Ossa\Runtime\Run;

/**
 * Answers a step that waits for a person.
 */
final class DecideForm extends RunOrderFormBase {

  /**
   * {@inheritdoc}
   */
  public function getFormId(): string {
    return 'ossa_eca_decide';
  }

  /**
   * {@inheritdoc}
   */
  public function getQuestion(): TranslatableMarkup {
    return $this->t('Decide step %step of this run of %workflow', [
      '%step' => $this->step,
      '%workflow' => $this->workflow,
    ]);
  }

  /**
   * {@inheritdoc}
   */
  public function getDescription(): TranslatableMarkup {
    return $this->t('The first answer counts.');
  }

  /**
   * {@inheritdoc}
   */
  public function getConfirmText(): TranslatableMarkup {
    return $this->t('Send');
  }

  /**
   * {@inheritdoc}
   */
  protected function refusal(Run $run): ?TranslatableMarkup {
    return $this->waiting($run) === NULL ? $this->t('There is nothing to decide: the step does not wait for a person any more.') : NULL;
  }

  /**
   * {@inheritdoc}
   */
  protected function questions(Run $run): array {
    $step = $this->waiting($run);
    $reasons = array_filter($this->runs->why($this->run)['reasons'], static fn (array $reason): bool => ($reason['step'] ?? NULL) === ($step['id'] ?? ''));
    return [
      'asked' => [
        '#plain_text' => implode("\n", array_column($reasons, 'text')),
        '#prefix' => '<p>',
        '#suffix' => '</p>',
      ],
      'input' => $this->show->folded($this->t('What is to be decided on'), $step['input'] ?? NULL, TRUE),
    ] + (($step['kind'] ?? NULL) === 'human' ? [
      'answer' => [
        '#type' => 'textarea',
        '#title' => $this->t('Answer'),
        '#description' => $this->t('The fields of the form as YAML, one on a line, such as "approved: true".'),
        '#rows' => 6,
      ],
    ] : [
      'decision' => [
        '#type' => 'radios',
        '#title' => $this->t('Decision'),
        '#options' => ['approve' => $this->t('Approve'), 'reject' => $this->t('Reject')],
        '#required' => TRUE,
      ],
    ]) + [
      'comment' => [
        '#type' => 'textfield',
        '#title' => $this->t('Comment'),
        '#description' => $this->t('Kept in the timeline of the run.'),
        '#maxlength' => 255,
      ],
    ];
  }

  /**
   * {@inheritdoc}
   *
   * @param array<array-key, mixed> $form
   *   The form.
   * @param \Drupal\Core\Form\FormStateInterface $form_state
   *   The answers.
   */
  public function validateForm(array &$form, FormStateInterface $form_state): void {
    parent::validateForm($form, $form_state);
    if (!isset($form['answer'])) {
      return;
    }
    try {
      $answer = Yaml::decode((string) $form_state->getValue('answer')) ?? [];
    }
    catch (InvalidDataTypeException $exception) {
      $form_state->setErrorByName('answer', $this->t('This is no YAML: @error', ['@error' => $exception->getMessage()]));
      return;
    }
    if (!is_array($answer)) {
      $form_state->setErrorByName('answer', $this->t('Give the fields of the form, such as "approved: true".'));
      return;
    }
    $form_state->setTemporaryValue('answer', $answer);
  }

  /**
   * {@inheritdoc}
   */
  protected function carryOut(FormStateInterface $form_state): TranslatableMarkup {
    $decision = $form_state->getValue('decision') ?? $form_state->getTemporaryValue('answer');
    $this->runs->decide($this->run, $this->step, $decision, (string) $form_state->getValue('comment'));
    return $this->t('The decision is recorded.');
  }

  /**
   * The step, if it waits for a person.
   *
   * @param \Ossa\Runtime\Run $run
   *   The run.
   *
   * @return array<string, mixed>|null
   *   The step.
   */
  private function waiting(Run $run): ?array {
    $step = RunSteps::find($run, $this->step);
    return $step !== NULL && RunOrders::isDecidable($step) ? $step : NULL;
  }

}
