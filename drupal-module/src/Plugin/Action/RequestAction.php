<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Plugin\Action;

use Drupal\Core\Action\Attribute\Action;
use Drupal\Core\Form\FormStateInterface;
use Drupal\Core\StringTranslation\TranslatableMarkup;
use Drupal\eca\Attribute\EcaAction;
use Drupal\ossa_eca\Eca\ActionFailure;
use Drupal\ossa_eca\Eca\OssaActionBase;
use Drupal\ossa_eca\Event\OssaEvents;
use Drupal\ossa_eca\Event\TaskRequestedEvent;
use Symfony\Component\DependencyInjection\ContainerInterface;
use Symfony\Contracts\EventDispatcher\EventDispatcherInterface;

/**
 * Asks for a task; models that listen for its name say what it is.
 */
#[Action(
  id: 'ossa_request_action',
  label: new TranslatableMarkup('OSSA: ask for a task'),
)]
#[EcaAction(
  description: new TranslatableMarkup('Asks for an OSSA task by name. Models with the event "Task requested" answer, and run it or something else.'),
  version_introduced: '1.0.0',
)]
final class RequestAction extends OssaActionBase {

  /**
   * The event dispatcher.
   */
  protected EventDispatcherInterface $dispatcher;

  /**
   * {@inheritdoc}
   */
  public static function create(ContainerInterface $container, array $configuration, $plugin_id, $plugin_definition): static {
    $action = parent::create($container, $configuration, $plugin_id, $plugin_definition);
    $action->dispatcher = $container->get('event_dispatcher');
    return $action;
  }

  /**
   * {@inheritdoc}
   */
  protected function carryOut(): void {
    $task = $this->must('task');
    $event = new TaskRequestedEvent($task, $this->map('input'), $this->correlationId());
    $this->dispatcher->dispatch($event, OssaEvents::TASK_EXECUTE);
    $runs = $event->runs();
    if ($runs === []) {
      throw new ActionFailure('NOT_ANSWERED', sprintf('Nobody has started a run for "%s".', $task), 'Add a model with the event "Task requested" and an action that starts one, or look in the log for why it did not.');
    }
    if ($this->configuration['token_name'] !== '') {
      $this->tokenService->addTokenData($this->configuration['token_name'], $runs[0]);
    }
  }

  /**
   * {@inheritdoc}
   */
  public function defaultConfiguration(): array {
    return ['task' => '', 'input' => '', 'token_name' => ''] + parent::defaultConfiguration();
  }

  /**
   * {@inheritdoc}
   */
  public function buildConfigurationForm(array $form, FormStateInterface $form_state): array {
    $form['task'] = ['#required' => TRUE] + $this->textField($this->t('Task'), 'task', $this->t('The name that models listen for.'));
    $form['input'] = $this->yamlField($this->t('Input'), 'input', $this->t('YAML.'));
    $form['token_name'] = $this->tokenField($this->t('Name of the token'), 'token_name', $this->t('Takes the id of the run.'));
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
    $this->checkYaml($form, $form_state, 'input');
  }

}
