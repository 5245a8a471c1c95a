<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Form;

use Drupal\Core\Form\ConfirmFormBase;
use Drupal\Core\Form\FormStateInterface;
use Drupal\Core\StringTranslation\TranslatableMarkup;
use Drupal\Core\Url;
use Drupal\ossa_eca\Page\Show;
use Drupal\ossa_eca\Page\Trouble;
use Drupal\ossa_eca\Runs;
use Ossa\Runtime\Exception\InputException;
use Ossa\Runtime\Run;
use Symfony\Component\DependencyInjection\ContainerInterface;
use Symfony\Component\HttpKernel\Exception\NotFoundHttpException;

/**
 * Asks before something is done with a run.
 */
abstract class RunOrderFormBase extends ConfirmFormBase {

  /**
   * Id of the run.
   */
  protected string $run = '';

  /**
   * Name of its task or workflow.
   */
  protected string $workflow = '';

  /**
   * Address of the step that the page is about; empty for the whole run.
   */
  protected string $step = '';

  final public function __construct(
    protected Runs $runs,
    protected Show $show,
    protected Trouble $trouble,
  ) {}

  /**
   * {@inheritdoc}
   */
  public static function create(ContainerInterface $container): static {
    return new static(
      $container->get(Runs::class),
      $container->get(Show::class),
      $container->get(Trouble::class),
    );
  }

  /**
   * Says why it cannot be done now.
   *
   * @param \Ossa\Runtime\Run $run
   *   The run.
   *
   * @return \Drupal\Core\StringTranslation\TranslatableMarkup|null
   *   NULL when it can.
   */
  abstract protected function refusal(Run $run): ?TranslatableMarkup;

  /**
   * Adds what else is to be asked.
   *
   * @param \Ossa\Runtime\Run $run
   *   The run.
   *
   * @return array<string, mixed>
   *   Elements of the form.
   */
  protected function questions(Run $run): array {
    return [
      'reason' => [
        '#type' => 'textfield',
        '#title' => $this->t('Reason'),
        '#description' => $this->t('Kept in the timeline of the run.'),
        '#maxlength' => 255,
      ],
    ];
  }

  /**
   * Does it.
   *
   * @param \Drupal\Core\Form\FormStateInterface $form_state
   *   The answers.
   *
   * @return \Drupal\Core\StringTranslation\TranslatableMarkup
   *   What was done.
   *
   * @throws \RuntimeException
   *   When it is refused.
   */
  abstract protected function carryOut(FormStateInterface $form_state): TranslatableMarkup;

  /**
   * {@inheritdoc}
   *
   * @param array<array-key, mixed> $form
   *   The form.
   * @param \Drupal\Core\Form\FormStateInterface $form_state
   *   Its state.
   * @param string $run
   *   Id of the run.
   *
   * @return array<array-key, mixed>
   *   The form.
   */
  public function buildForm(array $form, FormStateInterface $form_state, string $run = ''): array {
    $this->run = $run;
    $this->step = (string) $this->getRequest()->query->get('step', '');
    return $this->trouble->page(function () use ($form, $form_state, $run): array {
      $found = $this->runs->get($run) ?? throw new NotFoundHttpException(sprintf('There is no run %s.', $run));
      $this->workflow = $found->getWorkflow();
      $refusal = $this->refusal($found);
      if ($refusal !== NULL) {
        return [
          '#title' => $this->getQuestion(),
          'refusal' => ['#plain_text' => (string) $refusal, '#prefix' => '<p>', '#suffix' => '</p>'],
          'back' => ['#type' => 'link', '#title' => $this->t('Back'), '#url' => $this->getCancelUrl()],
        ];
      }
      return $this->questions($found) + parent::buildForm($form, $form_state);
    });
  }

  /**
   * {@inheritdoc}
   */
  public function getCancelUrl(): Url {
    $page = Url::fromRoute('ossa_eca.run', ['run' => $this->run]);
    return $page->access() ? $page : Url::fromRoute('<front>');
  }

  /**
   * {@inheritdoc}
   *
   * @param array<array-key, mixed> $form
   *   The form.
   * @param \Drupal\Core\Form\FormStateInterface $form_state
   *   The answers.
   */
  public function submitForm(array &$form, FormStateInterface $form_state): void {
    try {
      $this->messenger()->addStatus($this->carryOut($form_state));
    }
    catch (InputException $exception) {
      // What was entered is not lost.
      $this->messenger()->addError($this->trouble->text($exception));
      $form_state->setRebuild();
      return;
    }
    catch (\RuntimeException $exception) {
      $this->trouble->log($exception);
      $this->messenger()->addError($this->trouble->text($exception));
    }
    $form_state->setRedirectUrl($this->getCancelUrl());
  }

}
