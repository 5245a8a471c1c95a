<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Form;

use Drupal\Core\Form\ConfirmFormBase;
use Drupal\Core\Form\FormStateInterface;
use Drupal\Core\StringTranslation\TranslatableMarkup;
use Drupal\Core\Url;
use Drupal\ossa_eca\Page\Trouble;
use Drupal\ossa_eca\Runs;
use Symfony\Component\DependencyInjection\ContainerInterface;

/**
 * Delivers a message again that nobody could handle.
 */
final class ReplayForm extends ConfirmFormBase {

  public function __construct(
    protected Runs $runs,
    protected Trouble $trouble,
  ) {}

  /**
   * {@inheritdoc}
   */
  public static function create(ContainerInterface $container): static {
    return new self($container->get(Runs::class), $container->get(Trouble::class));
  }

  /**
   * {@inheritdoc}
   */
  public function getFormId(): string {
    return 'ossa_eca_replay';
  }

  /**
   * {@inheritdoc}
   */
  public function getQuestion(): TranslatableMarkup {
    return $this->t('Replay the dead letter %letter?', ['%letter' => $this->letter()]);
  }

  /**
   * {@inheritdoc}
   */
  public function getDescription(): TranslatableMarkup {
    return $this->t('The message is delivered again to the one who could not handle it, or to whoever takes it now.');
  }

  /**
   * {@inheritdoc}
   */
  public function getConfirmText(): TranslatableMarkup {
    return $this->t('Replay');
  }

  /**
   * {@inheritdoc}
   */
  public function getCancelUrl(): Url {
    $list = Url::fromRoute('ossa_eca.dead_letters');
    return $list->access() ? $list : Url::fromRoute('<front>');
  }

  /**
   * {@inheritdoc}
   *
   * @param array<array-key, mixed> $form
   *   The form.
   * @param \Drupal\Core\Form\FormStateInterface $form_state
   *   Its state.
   */
  public function submitForm(array &$form, FormStateInterface $form_state): void {
    try {
      $this->runs->replay($this->letter());
      $this->messenger()->addStatus($this->t('The message is delivered again.'));
    }
    catch (\RuntimeException $exception) {
      $this->trouble->log($exception);
      $this->messenger()->addError($this->trouble->text($exception));
    }
    $form_state->setRedirectUrl($this->getCancelUrl());
  }

  /**
   * Id of the dead letter that the address names.
   */
  private function letter(): string {
    return (string) $this->getRequest()->query->get('letter', '');
  }

}
