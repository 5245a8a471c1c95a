<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Form;

use Drupal\Core\Form\FormStateInterface;
use Drupal\Core\StringTranslation\TranslatableMarkup;
use Ossa\Runtime\Run;

/**
 * Cancels a run.
 */
final class CancelForm extends RunOrderFormBase {

  /**
   * {@inheritdoc}
   */
  public function getFormId(): string {
    return 'ossa_eca_cancel';
  }

  /**
   * {@inheritdoc}
   */
  public function getQuestion(): TranslatableMarkup {
    return $this->t('Cancel this run of %workflow?', ['%workflow' => $this->workflow]);
  }

  /**
   * {@inheritdoc}
   */
  public function getDescription(): TranslatableMarkup {
    return $this->t('What is in flight is given up. Steps of the workflow that undo what was done are run first. A run that was canceled does not go on.');
  }

  /**
   * {@inheritdoc}
   */
  public function getConfirmText(): TranslatableMarkup {
    return $this->t('Cancel run');
  }

  /**
   * {@inheritdoc}
   */
  public function getCancelText(): TranslatableMarkup {
    return $this->t('Back');
  }

  /**
   * {@inheritdoc}
   */
  protected function refusal(Run $run): ?TranslatableMarkup {
    return $run->isTerminal() ? $this->t('The run has ended already.') : NULL;
  }

  /**
   * {@inheritdoc}
   */
  protected function carryOut(FormStateInterface $form_state): TranslatableMarkup {
    return $this->runs->cancel($this->run, (string) $form_state->getValue('reason'))
      ? $this->t('The run is canceled.')
      : $this->t('The run had ended already.');
  }

}
