<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Form;

use Drupal\Core\Form\FormBase;
use Drupal\Core\Form\FormStateInterface;
use Drupal\Core\Url;
use Drupal\ossa_eca\Page\RunFilter;
use Drupal\ossa_eca\Page\Wording;
use Symfony\Component\DependencyInjection\ContainerInterface;

/**
 * Narrows the list of runs. It changes nothing but the address.
 */
final class RunFilterForm extends FormBase {

  public function __construct(protected Wording $wording) {}

  /**
   * {@inheritdoc}
   */
  public static function create(ContainerInterface $container): static {
    return new self($container->get(Wording::class));
  }

  /**
   * {@inheritdoc}
   */
  public function getFormId(): string {
    return 'ossa_eca_run_filter';
  }

  /**
   * {@inheritdoc}
   *
   * @param array<array-key, mixed> $form
   *   The form.
   * @param \Drupal\Core\Form\FormStateInterface $form_state
   *   Its state.
   * @param \Drupal\ossa_eca\Page\RunFilter $filter
   *   What is shown.
   *
   * @return array<array-key, mixed>
   *   The form.
   */
  public function buildForm(array $form, FormStateInterface $form_state, RunFilter $filter = new RunFilter()): array {
    $form['#method'] = 'get';
    $form['#action'] = Url::fromRoute('ossa_eca.runs')->toString();
    $form['#token'] = FALSE;
    $form['#after_build'][] = [self::class, 'plainAddress'];
    $form['filter'] = [
      '#type' => 'container',
      '#attributes' => ['class' => ['form--inline', 'clearfix']],
    ];
    $form['filter']['status'] = [
      '#type' => 'select',
      '#title' => $this->t('Status'),
      '#options' => [
        '' => $this->t('- Any -'),
        RunFilter::IN_FLIGHT => $this->t('In flight'),
      ] + $this->wording->runStates(),
      '#default_value' => $filter->status,
    ];
    $form['filter']['workflow'] = [
      '#type' => 'textfield',
      '#title' => $this->t('Task or workflow'),
      '#size' => 24,
      '#default_value' => $filter->workflow,
    ];
    $form['filter']['label'] = [
      '#type' => 'textfield',
      '#title' => $this->t('Label'),
      '#placeholder' => $this->t('name=value'),
      '#size' => 24,
      '#default_value' => $filter->label,
    ];
    $form['filter']['actions'] = ['#type' => 'actions'];
    $form['filter']['actions']['submit'] = [
      '#type' => 'submit',
      '#name' => '',
      '#value' => $this->t('Filter'),
    ];
    if (!$filter->isEmpty()) {
      $form['filter']['actions']['reset'] = [
        '#type' => 'link',
        '#title' => $this->t('Reset'),
        '#url' => Url::fromRoute('ossa_eca.runs'),
        '#attributes' => ['class' => ['button']],
      ];
    }
    return $form;
  }

  /**
   * Keeps what only Drupal needs out of the address.
   *
   * @param array<array-key, mixed> $form
   *   The form.
   *
   * @return array<array-key, mixed>
   *   The form.
   */
  public static function plainAddress(array $form): array {
    unset($form['form_build_id'], $form['form_token'], $form['form_id']);
    return $form;
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
    // The address says it all.
  }

}
