<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Plugin\ECA\Event;

use Drupal\Core\Form\FormStateInterface;
use Drupal\Core\StringTranslation\TranslatableMarkup;
use Drupal\eca\Attribute\EcaEvent;
use Drupal\eca\Attribute\Token;
use Drupal\eca\Entity\Objects\EcaEvent as ModelEvent;
use Drupal\eca\Event\Tag;
use Drupal\eca\Plugin\DataType\DataTransferObject;
use Drupal\eca\Plugin\ECA\Event\EventBase;
use Drupal\ossa_eca\Eca\Data;
use Drupal\ossa_eca\Eca\Glob;
use Drupal\ossa_eca\Event\ChannelMessageEvent;
use Drupal\ossa_eca\Event\OssaEvents;
use Drupal\ossa_eca\Event\RunCompletedEvent;
use Drupal\ossa_eca\Event\RunEvent;
use Drupal\ossa_eca\Event\RunFailedEvent;
use Drupal\ossa_eca\Event\StepWaitingEvent;
use Drupal\ossa_eca\Event\TaskRequestedEvent;
use Symfony\Contracts\EventDispatcher\Event;

/**
 * What is asked of, and told by, the OSSA engine as events of ECA.
 *
 * @EcaEvent(
 *   id = "ossa_eca",
 *   deriver = "Drupal\ossa_eca\Plugin\ECA\Event\OssaEventDeriver",
 *   eca_version_introduced = "2.1.0"
 * )
 */
#[EcaEvent(
  id: 'ossa_eca',
  category: new TranslatableMarkup('OSSA'),
  deriver: OssaEventDeriver::class,
  version_introduced: '1.0.0',
)]
final class OssaEvent extends EventBase {

  /**
   * Data of tokens of the event, by the name of the token.
   *
   * @var array<string, \Drupal\eca\Plugin\DataType\DataTransferObject>
   */
  protected array $tokenData = [];

  /**
   * {@inheritdoc}
   *
   * @return array<string, array<string, mixed>>
   *   Definitions by derivative.
   */
  public static function definitions(): array {
    return [
      'task_execute' => [
        'label' => 'OSSA: task requested',
        'event_name' => OssaEvents::TASK_EXECUTE,
        'event_class' => TaskRequestedEvent::class,
        'description' => 'Code or another model asks for a task by its name. Answer with an action that runs it.',
        'tags' => Tag::RUNTIME | Tag::BEFORE,
      ],
      'run_completed' => [
        'label' => 'OSSA: task or workflow completed',
        'event_name' => OssaEvents::RUN_COMPLETED,
        'event_class' => RunCompletedEvent::class,
        'description' => 'A run has completed. It is told by a queue worker or by cron.',
        'tags' => Tag::PERSISTENT | Tag::AFTER,
      ],
      'run_failed' => [
        'label' => 'OSSA: task or workflow failed',
        'event_name' => OssaEvents::RUN_FAILED,
        'event_class' => RunFailedEvent::class,
        'description' => 'A run has failed, after all its attempts. It is told by a queue worker or by cron.',
        'tags' => Tag::PERSISTENT | Tag::AFTER,
      ],
      'step_waiting' => [
        'label' => 'OSSA: step waits',
        'event_name' => OssaEvents::STEP_WAITING,
        'event_class' => StepWaitingEvent::class,
        'description' => 'A step of a run waits for a person, for approvals or for an event. It is told by a queue worker or by cron.',
        'tags' => Tag::PERSISTENT | Tag::BEFORE,
      ],
      'channel_message' => [
        'label' => 'OSSA: message on a channel',
        'event_name' => OssaEvents::CHANNEL_MESSAGE,
        'event_class' => ChannelMessageEvent::class,
        'description' => 'A message was published on a channel. It is told by a queue worker or by cron.',
        'tags' => Tag::PERSISTENT | Tag::AFTER,
      ],
    ];
  }

  /**
   * {@inheritdoc}
   */
  public function generateWildcard(string $eca_config_id, ModelEvent $ecaEvent): string {
    $configuration = $ecaEvent->getConfiguration();
    $pattern = $configuration[$this->patternKey()] ?? NULL;
    return is_string($pattern) && trim($pattern) !== '' ? trim($pattern) : Glob::ANY;
  }

  /**
   * {@inheritdoc}
   */
  public static function appliesForWildcard(Event $event, string $event_name, string $wildcard): bool {
    return match (TRUE) {
      $event instanceof RunEvent => Glob::matches($wildcard, $event->workflow),
      $event instanceof TaskRequestedEvent => Glob::matches($wildcard, $event->task),
      $event instanceof ChannelMessageEvent => Glob::matchesChannel($wildcard, $event->channel),
      default => FALSE,
    };
  }

  /**
   * {@inheritdoc}
   *
   * @return array<string, mixed>
   *   The default configuration.
   */
  public function defaultConfiguration(): array {
    return [$this->patternKey() => ''] + ($this->comesAgain() ? ['repeat' => FALSE] : []) + parent::defaultConfiguration();
  }

  /**
   * {@inheritdoc}
   *
   * @param array<string, mixed> $form
   *   The form.
   * @param \Drupal\Core\Form\FormStateInterface $form_state
   *   Its state.
   *
   * @return array<string, mixed>
   *   The form.
   */
  public function buildConfigurationForm(array $form, FormStateInterface $form_state): array {
    $key = $this->patternKey();
    $form[$key] = $key === 'channel' ? [
      '#type' => 'textfield',
      '#title' => $this->t('Channel'),
      '#description' => $this->t('A channel, or a pattern: <em>*</em> is one segment or a part of one, <em>#</em> any number of segments, and <em>*</em> alone every channel but those of the runtime.'),
      '#default_value' => $this->configuration[$key],
      '#required' => TRUE,
    ] : [
      '#type' => 'textfield',
      '#title' => $this->t('Task or workflow'),
      '#description' => $this->t('Its name; <em>*</em> is any text and <em>?</em> one character. Leave it empty for all.'),
      '#default_value' => $this->configuration[$key],
    ];
    if ($this->comesAgain()) {
      $form['repeat'] = [
        '#type' => 'checkbox',
        '#title' => $this->t('Come again when an action fails'),
        '#description' => $this->t('The event then comes up to five times, with growing delays; all actions are carried out each time.'),
        '#default_value' => $this->configuration['repeat'],
      ];
    }
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
    $key = $this->patternKey();
    $pattern = trim((string) $form_state->getValue($key));
    if ($key === 'channel' && preg_match('/\s/', $pattern) === 1) {
      $form_state->setError($form[$key], $this->t('There are no spaces in the name of a channel.'));
    }
  }

  /**
   * {@inheritdoc}
   *
   * @param mixed[] $form
   *   The form.
   * @param \Drupal\Core\Form\FormStateInterface $form_state
   *   Its state.
   */
  public function submitConfigurationForm(array &$form, FormStateInterface $form_state): void {
    parent::submitConfigurationForm($form, $form_state);
    $key = $this->patternKey();
    $this->configuration[$key] = trim((string) $form_state->getValue($key));
    if ($this->comesAgain()) {
      $this->configuration['repeat'] = (bool) $form_state->getValue('repeat');
    }
  }

  /**
   * {@inheritdoc}
   */
  public function handleExceptions(): bool {
    return (bool) ($this->configuration['repeat'] ?? FALSE);
  }

  /**
   * {@inheritdoc}
   */
  public function setEvent(Event $event): static {
    if ($event !== $this->event) {
      $this->tokenData = [];
    }
    parent::setEvent($event);
    return $this;
  }

  /**
   * {@inheritdoc}
   */
  #[Token(
    name: 'run',
    description: 'The run of a task or workflow.',
    classes: [RunEvent::class],
    properties: [
      new Token(name: 'id', description: 'Its id.'),
      new Token(name: 'workflow', description: 'The name of the task or workflow.'),
      new Token(name: 'status', description: 'Its status.'),
      new Token(name: 'correlation_id', description: 'What joins it with other runs and messages.'),
      new Token(name: 'output', description: 'Its output.', classes: [RunCompletedEvent::class]),
      new Token(name: 'error', description: 'Why it failed, with "code", "message" and "step".', classes: [RunFailedEvent::class]),
    ],
  )]
  #[Token(
    name: 'result',
    description: 'The output of the run, with its fields.',
    classes: [RunCompletedEvent::class],
  )]
  #[Token(
    name: 'step',
    description: 'The step that waits.',
    classes: [StepWaitingEvent::class],
    properties: [
      new Token(name: 'id', description: 'Its id.'),
      new Token(name: 'input', description: 'What there is to decide on.'),
      new Token(name: 'assignee', description: 'Who is to answer.'),
    ],
  )]
  #[Token(
    name: 'task',
    description: 'The task that is asked for.',
    classes: [TaskRequestedEvent::class],
    properties: [
      new Token(name: 'name', description: 'Its name.'),
      new Token(name: 'input', description: 'Its input, with its fields.'),
    ],
  )]
  #[Token(
    name: 'message',
    description: 'The message.',
    classes: [ChannelMessageEvent::class],
    properties: [
      new Token(name: 'id', description: 'Its id.'),
      new Token(name: 'channel', description: 'The channel.'),
      new Token(name: 'source', description: 'Who published it.'),
      new Token(name: 'type', description: 'What it is about.'),
      new Token(name: 'correlation_id', description: 'What joins it with runs and other messages.'),
      new Token(name: 'payload', description: 'What it carries, with its fields.'),
    ],
  )]
  public function getData(string $key): mixed {
    return $this->tokenData[$key] ?? $this->build($key) ?? parent::getData($key);
  }

  /**
   * Builds the data of a token.
   *
   * @param string $key
   *   The name of the token.
   */
  private function build(string $key): ?DataTransferObject {
    $event = $this->event;
    $data = match (TRUE) {
      $key === 'run' && $event instanceof RunEvent => $this->run($event),
      $key === 'result' && $event instanceof RunCompletedEvent => Data::token($event->output()),
      $key === 'step' && $event instanceof StepWaitingEvent => Data::token([
        'id' => $event->step(),
        'input' => $event->input(),
        'assignee' => $event->assignee(),
      ], $event->step()),
      $key === 'task' && $event instanceof TaskRequestedEvent => Data::token([
        'name' => $event->task,
        'input' => $event->input,
      ], $event->task),
      $key === 'message' && $event instanceof ChannelMessageEvent => Data::token([
        'id' => $event->id,
        'channel' => $event->channel,
        'source' => $event->source,
        'type' => $event->type,
        'correlation_id' => $event->correlationId,
        'payload' => $event->payload,
      ], $event->id),
      default => NULL,
    };
    if ($data !== NULL) {
      $this->tokenData[$key] = $data;
    }
    return $data;
  }

  /**
   * The token of a run.
   *
   * @param \Drupal\ossa_eca\Event\RunEvent $event
   *   The event.
   */
  private function run(RunEvent $event): DataTransferObject {
    $run = Data::token([
      'id' => $event->runId,
      'workflow' => $event->workflow,
      'status' => $event->status,
      'correlation_id' => $event->correlationId,
      'output' => $event instanceof RunCompletedEvent ? $event->output() : NULL,
    ], $event->runId);
    if ($event instanceof RunFailedEvent) {
      $error = $event->error();
      $run->set('error', Data::token(['step' => $error['step_id'] ?? NULL] + $error, $error['message']));
    }
    return $run;
  }

  /**
   * The key of the configuration with the pattern of names.
   */
  private function patternKey(): string {
    return $this->getDerivativeId() === 'channel_message' ? 'channel' : 'task';
  }

  /**
   * Whether the engine keeps the event until it was handed on.
   */
  private function comesAgain(): bool {
    return $this->getDerivativeId() !== 'task_execute';
  }

}
