<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Eca;

use Drupal\Core\Form\FormStateInterface;
use Drupal\ossa_eca\Engine\EngineUnavailableException;
use Drupal\ossa_eca\Event\TaskRequestedEvent;
use Drupal\ossa_eca\StartOptions;
use Ossa\Runtime\Diagnostic;
use Ossa\Runtime\Manifest;
use Ossa\Runtime\Run;

/**
 * Starts a task or a workflow, and waits for its end or not.
 */
abstract class StartActionBase extends OssaActionBase {

  /**
   * The run is carried out by queue workers.
   */
  public const QUEUED = 'queued';

  /**
   * The run is carried out before the model goes on.
   */
  public const SYNC = 'sync';

  /**
   * The kind of manifests that are started: "Task" or "Workflow".
   */
  protected const KIND = '';

  /**
   * The key of the configuration that names the manifest.
   */
  protected const MANIFEST = '';

  /**
   * {@inheritdoc}
   */
  protected function carryOut(): void {
    $manifest = $this->must(static::MANIFEST);
    $input = $this->map('input');
    $key = $this->text('idempotency_key');
    if ($key === '' && $this->configuration['idempotency_key'] !== '') {
      throw new ActionFailure('MISSING_VALUE', sprintf('What the run is to be started once for is empty: "%s" has no value.', $this->configuration['idempotency_key']));
    }
    $options = new StartOptions(
      kind: static::KIND,
      priority: $this->configuration['priority'],
      idempotencyKey: $key === '' ? NULL : $key,
      correlationId: $this->correlationId(),
      labels: array_filter(['eca_model' => $this->origin()['model']]),
      trigger: ['source' => 'eca'] + $this->origin(),
    );
    if ($this->configuration['mode'] !== self::SYNC) {
      $id = $this->runs->start($manifest, $input, $options);
      $this->started($id, ['id' => $id, 'workflow' => $manifest, 'status' => 'pending']);
      return;
    }
    $run = $this->runs->execute($manifest, $input, $options);
    $this->started($run->getId(), [
      'id' => $run->getId(),
      'workflow' => $run->getWorkflow(),
      'status' => $run->getStatus(),
      'output' => $run->getOutput(),
      'error' => $run->getError(),
    ]);
    $this->put('result_token', $run->getOutput());
    if ($run->isTerminal() && $run->getStatus() !== 'completed') {
      throw $this->failureOf($run);
    }
  }

  /**
   * {@inheritdoc}
   */
  public function defaultConfiguration(): array {
    return [
      static::MANIFEST => '',
      'input' => '',
      'mode' => self::QUEUED,
      'priority' => 'normal',
      'idempotency_key' => '',
      'run_token' => '',
      'result_token' => '',
    ] + parent::defaultConfiguration();
  }

  /**
   * {@inheritdoc}
   */
  public function buildConfigurationForm(array $form, FormStateInterface $form_state): array {
    $form[static::MANIFEST] = [
      '#required' => TRUE,
    ] + $this->textField($this->t('Manifest'), static::MANIFEST, $this->t('The name of a manifest, or the path of its file below a folder of manifests, such as <em>notify</em> or <em>tasks/notify.ossa.yaml</em>.'));
    $form['input'] = $this->yamlField($this->t('Input'), 'input', $this->t('YAML.'));
    $form['mode'] = [
      '#type' => 'select',
      '#title' => $this->t('When'),
      '#options' => [
        self::QUEUED => $this->t('In the queue: the model goes on at once'),
        self::SYNC => $this->t('Now: the model goes on when the run has ended, or waits'),
      ],
      '#default_value' => $this->configuration['mode'],
      '#description' => $this->t('Only short tasks should be carried out now. What has to wait for a person, an event or another attempt goes on in the queue.'),
    ];
    $form['priority'] = [
      '#type' => 'select',
      '#title' => $this->t('Priority'),
      '#options' => [
        'critical' => $this->t('Critical'),
        'high' => $this->t('High'),
        'normal' => $this->t('Normal'),
        'low' => $this->t('Low'),
      ],
      '#default_value' => $this->configuration['priority'],
    ];
    $form['idempotency_key'] = $this->textField($this->t('Once per'), 'idempotency_key', $this->t('There is one run for each value, such as <em>order-[node:nid]</em> or <em>[message:id]</em>, however often the action is carried out. Empty: a run each time.'));
    $form['run_token'] = $this->tokenField($this->t('Name of the run token'), 'run_token', $this->t('Takes [NAME:id], [NAME:workflow] and [NAME:status], and of a run that has ended [NAME:output] or [NAME:error].'));
    $form['result_token'] = $this->tokenField($this->t('Name of the result token'), 'result_token', $this->t('Takes the output of a run that has ended. For queued runs there is an event.'));
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
    $manifest = trim((string) $form_state->getValue(static::MANIFEST));
    // What a token stands for is not known yet.
    if ($manifest === '' || str_contains($manifest, '[')) {
      return;
    }
    try {
      $problem = $this->problemOf($manifest);
    }
    catch (EngineUnavailableException $exception) {
      $this->messenger()->addWarning($this->t('The manifest "@manifest" could not be checked. @problem', [
        '@manifest' => $manifest,
        '@problem' => $exception->getMessage(),
      ]));
      return;
    }
    catch (\Exception $exception) {
      $problem = ActionFailure::of($exception)->getMessage();
    }
    if ($problem !== NULL) {
      $form_state->setError($form[static::MANIFEST], $problem);
    }
  }

  /**
   * Says why a manifest cannot be started.
   *
   * @param string $manifest
   *   Its name or path.
   *
   * @return string|null
   *   Plain text, which whoever shows it escapes; NULL when it can.
   */
  private function problemOf(string $manifest): ?string {
    $documents = $this->runs->validate($manifest);
    $errors = [];
    foreach ($documents as $document) {
      foreach ($document->isValid() ? [] : $document->getDiagnostics() as $diagnostic) {
        if ($diagnostic->getSeverity() === 'error') {
          $errors[] = self::line($diagnostic);
        }
      }
    }
    if ($errors !== []) {
      return $this->t('The manifest is invalid.') . ' ' . implode(' ', $errors);
    }
    $kinds = array_map(static fn (Manifest $document): ?string => $document->getKind(), $documents);
    return in_array(static::KIND, $kinds, TRUE) ? NULL : (string) $this->t('This action starts a @wanted, and the manifest is a @kind.', [
      '@wanted' => static::KIND,
      '@kind' => $kinds[0] ?? '?',
    ]);
  }

  /**
   * A diagnostic in a line.
   *
   * @param \Ossa\Runtime\Diagnostic $diagnostic
   *   The diagnostic.
   */
  private static function line(Diagnostic $diagnostic): string {
    return sprintf('%s:%d:%d: %s.%s', basename((string) $diagnostic->getFile()), $diagnostic->getLine(), $diagnostic->getColumn(), rtrim($diagnostic->getMessage(), '.'), $diagnostic->getHelp() === NULL ? '' : ' ' . ucfirst(rtrim($diagnostic->getHelp(), '.')) . '.');
  }

  /**
   * Tells the model, and who asked for the task, of the run.
   *
   * @param string $id
   *   Id of the run.
   * @param array<string, mixed> $run
   *   What is known of it.
   */
  private function started(string $id, array $run): void {
    if (isset($this->event) && $this->event instanceof TaskRequestedEvent) {
      $this->event->started($id);
    }
    $this->put('run_token', $run, $id);
  }

  /**
   * Puts data into a token, if the configuration names one.
   *
   * @param string $key
   *   The key of the configuration.
   * @param mixed $data
   *   The data.
   * @param string|null $text
   *   The data as text.
   */
  private function put(string $key, mixed $data, ?string $text = NULL): void {
    if ($this->configuration[$key] !== '') {
      $this->tokenService->addTokenData($this->configuration[$key], $data === NULL ? NULL : Data::token($data, $text));
    }
  }

  /**
   * Why a run that has ended did not complete.
   *
   * @param \Ossa\Runtime\Run $run
   *   The run.
   */
  private function failureOf(Run $run): ActionFailure {
    $error = $run->getError();
    return new ActionFailure(
      $error['code'] ?? strtoupper($run->getStatus()),
      $error['message'] ?? sprintf('The run of "%s" ended as %s.', $run->getWorkflow(), $run->getStatus()),
      NULL,
      $run->getId(),
      $error['step_id'] ?? NULL,
    );
  }

}
