<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Form;

use Drupal\Core\Form\FormStateInterface;
use Drupal\Core\StringTranslation\TranslatableMarkup;
use Drupal\ossa_eca\RunSteps;
use Ossa\Runtime\Run;

/**
 * Tries failed steps of a run again.
 */
final class RetryForm extends RunOrderFormBase {

  /**
   * {@inheritdoc}
   */
  public function getFormId(): string {
    return 'ossa_eca_retry';
  }

  /**
   * {@inheritdoc}
   */
  public function getQuestion(): TranslatableMarkup {
    return $this->step === ''
      ? $this->t('Retry all failed steps of this run of %workflow?', ['%workflow' => $this->workflow])
      : $this->t('Retry step %step of this run of %workflow?', [
        '%step' => $this->step,
        '%workflow' => $this->workflow,
      ]);
  }

  /**
   * {@inheritdoc}
   */
  public function getDescription(): TranslatableMarkup {
    return $this->t('Each gets one more attempt. A run that has failed goes on.');
  }

  /**
   * {@inheritdoc}
   */
  public function getConfirmText(): TranslatableMarkup {
    return $this->t('Retry');
  }

  /**
   * {@inheritdoc}
   */
  protected function refusal(Run $run): ?TranslatableMarkup {
    $failed = RunSteps::failed($run);
    if ($this->step === '' ? $failed !== [] : in_array($this->step, $failed, TRUE)) {
      return NULL;
    }
    return $this->t('There is nothing to retry: no such step has failed.');
  }

  /**
   * {@inheritdoc}
   */
  protected function carryOut(FormStateInterface $form_state): TranslatableMarkup {
    $count = $this->runs->retry($this->run, $this->step === '' ? NULL : $this->step, (string) $form_state->getValue('reason'));
    return $this->t('Steps that are tried again: @count.', ['@count' => $count]);
  }

}
