<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Plugin\ECA\Condition;

use Drupal\Core\Form\FormStateInterface;
use Drupal\Core\StringTranslation\TranslatableMarkup;
use Drupal\eca\Attribute\EcaCondition;
use Drupal\eca\Plugin\ECA\Condition\ConditionBase;
use Drupal\ossa_eca\Eca\Data;
use Drupal\ossa_eca\Eca\Glob;
use Drupal\ossa_eca\Eca\InputYaml;
use Drupal\ossa_eca\Event\TaskRequestedEvent;

/**
 * Looks at a task or workflow: its name, its status, a field of its output.
 *
 * What is left empty is not looked at.
 *
 * @EcaCondition(
 *   id = "ossa_task_condition",
 *   label = @Translation("OSSA: task"),
 *   description = @Translation("Looks at the name, status and output of an OSSA task or workflow."),
 *   eca_version_introduced = "2.1.0"
 * )
 */
#[EcaCondition(
  id: 'ossa_task_condition',
  label: new TranslatableMarkup('OSSA: task'),
  description: new TranslatableMarkup('Looks at the name, status and output of an OSSA task or workflow.'),
  version_introduced: '1.0.0',
)]
final class TaskCondition extends ConditionBase {

  /**
   * Whether a run only just was asked for.
   */
  private const REQUESTED = 'requested';

  /**
   * {@inheritdoc}
   */
  public function evaluate(): bool {
    return $this->negationCheck($this->holds($this->task()));
  }

  /**
   * {@inheritdoc}
   *
   * @return array<string, mixed>
   *   The default configuration.
   */
  public function defaultConfiguration(): array {
    return [
      'task_name' => '',
      'status' => '',
      'output_field' => '',
      'operator' => 'equal',
      'value' => '',
      'run_token' => 'run',
    ] + parent::defaultConfiguration();
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
    $form['task_name'] = [
      '#type' => 'textfield',
      '#title' => $this->t('Task or workflow'),
      '#description' => $this->t('Its name; <em>*</em> is any text and <em>?</em> one character. Leave it empty for all.'),
      '#default_value' => $this->configuration['task_name'],
      '#weight' => -70,
      '#eca_token_replacement' => TRUE,
    ];
    $form['status'] = [
      '#type' => 'select',
      '#title' => $this->t('Status'),
      '#options' => ['' => $this->t('Any')] + $this->statuses(),
      '#default_value' => $this->configuration['status'],
      '#weight' => -60,
    ];
    $form['output_field'] = [
      '#type' => 'textfield',
      '#title' => $this->t('Field of the output'),
      '#description' => $this->t('A path such as <em>invoice.total</em> or <em>items.0.sku</em>. For a task that is asked for, a field of its input. Leave it empty to look at none.'),
      '#default_value' => $this->configuration['output_field'],
      '#weight' => -50,
      '#eca_token_replacement' => TRUE,
    ];
    $form['operator'] = [
      '#type' => 'select',
      '#title' => $this->t('Comparison'),
      '#options' => $this->operators(),
      '#default_value' => $this->configuration['operator'],
      '#weight' => -40,
    ];
    $form['value'] = [
      '#type' => 'textfield',
      '#title' => $this->t('Value'),
      '#description' => $this->t('Two numbers are compared as numbers. "true" and "false" are booleans.'),
      '#default_value' => $this->configuration['value'],
      '#weight' => -30,
      '#eca_token_replacement' => TRUE,
    ];
    $form['run_token'] = [
      '#type' => 'textfield',
      '#title' => $this->t('Name of the run token'),
      '#description' => $this->t('The run to look at: <em>run</em> is that of the event; an action may have put another into a token.'),
      '#default_value' => $this->configuration['run_token'],
      '#weight' => -20,
      '#eca_token_reference' => TRUE,
    ];
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
    $path = trim((string) $form_state->getValue('output_field'));
    if (!str_contains($path, '[') && preg_match('/^\.|\.\.|\.$|\s/', $path) === 1) {
      $form_state->setError($form['output_field'], $this->t('That is no path: write the names of fields with dots between them.'));
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
    foreach (['task_name', 'status', 'output_field', 'operator', 'value', 'run_token'] as $key) {
      $this->configuration[$key] = trim((string) $form_state->getValue($key));
    }
    parent::submitConfigurationForm($form, $form_state);
  }

  /**
   * Whether a task is as the configuration says.
   *
   * @param array<array-key, mixed>|null $task
   *   The task, or NULL when there is none.
   */
  private function holds(?array $task): bool {
    if ($task === NULL) {
      return FALSE;
    }
    $name = $this->text('task_name');
    $status = $this->configuration['status'];
    $path = $this->text('output_field');
    return ($name === '' || Glob::matches($name, self::string($task['workflow'] ?? '')))
      && ($status === '' || $status === ($task['status'] ?? NULL))
      && ($path === '' || $this->compare(self::field($task['output'] ?? NULL, $path)));
  }

  /**
   * The task of the token, or of the event.
   *
   * @return array<array-key, mixed>|null
   *   Keys: workflow, status, output.
   */
  private function task(): ?array {
    $event = $this->event ?? NULL;
    $token = $this->configuration['run_token'] ?: 'run';
    $run = Data::plain($this->tokenService->getTokenData($token));
    if (is_array($run)) {
      return $run;
    }
    return $token === 'run' && $event instanceof TaskRequestedEvent
      ? ['workflow' => $event->task, 'status' => self::REQUESTED, 'output' => $event->input]
      : NULL;
  }

  /**
   * A field of data.
   *
   * @param mixed $data
   *   The data.
   * @param string $path
   *   Names of fields, with dots between them.
   *
   * @return mixed
   *   NULL when there is no such field.
   */
  private static function field(mixed $data, string $path): mixed {
    foreach (explode('.', $path) as $name) {
      if (!is_array($data) || !array_key_exists($name, $data)) {
        return NULL;
      }
      $data = $data[$name];
    }
    return $data;
  }

  /**
   * Compares a field with the value of the configuration.
   *
   * @param mixed $field
   *   The field.
   */
  private function compare(mixed $field): bool {
    $operator = $this->configuration['operator'];
    if ($operator === 'exists') {
      return $field !== NULL;
    }
    $value = $this->text('value');
    if (is_array($field)) {
      return $operator === 'contains' && in_array($value, array_map(self::string(...), array_filter($field, is_scalar(...))), TRUE);
    }
    $text = self::string($field);
    $numbers = is_numeric($text) && is_numeric($value);
    $order = $numbers ? $text + 0 <=> $value + 0 : strcmp($text, $value);
    return match ($operator) {
      'beginswith' => str_starts_with($text, $value),
      'endswith' => str_ends_with($text, $value),
      'contains' => str_contains($text, $value),
      'greaterthan' => $order > 0,
      'lessthan' => $order < 0,
      'atleast' => $order >= 0,
      'atmost' => $order <= 0,
      default => $order === 0,
    };
  }

  /**
   * Text of the configuration, with tokens replaced.
   *
   * @param string $key
   *   The key of the configuration.
   */
  private function text(string $key): string {
    return trim(InputYaml::text((string) $this->configuration[$key], $this->tokenService));
  }

  /**
   * A plain value as text.
   *
   * @param mixed $value
   *   The value.
   */
  private static function string(mixed $value): string {
    return is_bool($value) ? ($value ? 'true' : 'false') : (is_scalar($value) ? (string) $value : '');
  }

  /**
   * The statuses of runs.
   *
   * @return array<string, \Drupal\Core\StringTranslation\TranslatableMarkup>
   *   Labels by status.
   */
  private function statuses(): array {
    return [
      self::REQUESTED => $this->t('Requested'),
      'pending' => $this->t('Pending'),
      'running' => $this->t('Running'),
      'waiting' => $this->t('Waiting'),
      'paused' => $this->t('Paused'),
      'completed' => $this->t('Completed'),
      'failed' => $this->t('Failed'),
      'canceled' => $this->t('Canceled'),
    ];
  }

  /**
   * The comparisons.
   *
   * @return array<string, \Drupal\Core\StringTranslation\TranslatableMarkup>
   *   Labels by operator.
   */
  private function operators(): array {
    return [
      'equal' => $this->t('equals'),
      'beginswith' => $this->t('begins with'),
      'endswith' => $this->t('ends with'),
      'contains' => $this->t('contains'),
      'greaterthan' => $this->t('greater than'),
      'lessthan' => $this->t('less than'),
      'atmost' => $this->t('at most'),
      'atleast' => $this->t('at least'),
      'exists' => $this->t('exists'),
    ];
  }

}
