<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Eca;

use Drupal\Core\Form\FormStateInterface;
use Drupal\eca\Plugin\Action\ConfigurableActionBase;
use Drupal\ossa_eca\Event\ChannelMessageEvent;
use Drupal\ossa_eca\Event\RunEvent;
use Drupal\ossa_eca\Event\TaskRequestedEvent;
use Drupal\ossa_eca\Runs;
use Psr\Log\LoggerInterface;
use Symfony\Component\DependencyInjection\ContainerInterface;

/**
 * What the actions of the module have in common: how they fail.
 *
 * Whatever is thrown is logged, with the run and step that it is about. With an
 * error token, the model goes on and finds in it what went wrong; without one,
 * ECA ends the chain.
 *
 * Access is not checked: models act for whoever causes an event, and say with
 * conditions who may.
 */
abstract class OssaActionBase extends ConfigurableActionBase {

  /**
   * The runs.
   */
  protected Runs $runs;

  /**
   * The log of the module.
   */
  protected LoggerInterface $channel;

  /**
   * {@inheritdoc}
   *
   * @param \Symfony\Component\DependencyInjection\ContainerInterface $container
   *   The container.
   * @param array<string, mixed> $configuration
   *   Configuration of the plugin.
   * @param string $plugin_id
   *   Id of the plugin.
   * @param mixed $plugin_definition
   *   Definition of the plugin.
   */
  public static function create(ContainerInterface $container, array $configuration, $plugin_id, $plugin_definition): static {
    $action = parent::create($container, $configuration, $plugin_id, $plugin_definition);
    $action->runs = $container->get(Runs::class);
    $action->channel = $container->get('logger.channel.ossa_eca');
    return $action;
  }

  /**
   * Does what the action is for.
   *
   * @throws \Throwable
   *   When that fails.
   */
  abstract protected function carryOut(): void;

  /**
   * {@inheritdoc}
   *
   * @throws \Drupal\ossa_eca\Eca\ActionFailure
   *   When the action fails and has no error token.
   */
  final public function execute(mixed $object = NULL): void {
    $token = $this->configuration['error_token'];
    try {
      $this->carryOut();
      if ($token !== '' && $this->tokenService->hasTokenData($token)) {
        $this->tokenService->addTokenData($token, NULL);
      }
    }
    catch (\Throwable $throwable) {
      $failure = ActionFailure::of($throwable);
      $this->tell($failure);
      if ($token === '') {
        throw $failure;
      }
      $this->tokenService->addTokenData($token, Data::token($failure->toArray(), $failure->getMessage()));
    }
  }

  /**
   * {@inheritdoc}
   */
  final public function logExceptions(): bool {
    // They are logged by then.
    return FALSE;
  }

  /**
   * {@inheritdoc}
   *
   * @return array<string, mixed>
   *   The default configuration.
   */
  public function defaultConfiguration(): array {
    return ['error_token' => ''] + parent::defaultConfiguration();
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
    $form['error_token'] = $this->tokenField($this->t('Name of the error token'), 'error_token', $this->t('Takes what went wrong: [NAME:code], [NAME:message], [NAME:help], [NAME:run] and [NAME:step]; the model goes on. Without a name, the chain ends here when the action fails. Either way it is logged.'));
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
  public function submitConfigurationForm(array &$form, FormStateInterface $form_state): void {
    foreach (array_keys($this->defaultConfiguration()) as $key) {
      $this->configuration[$key] = trim((string) $form_state->getValue($key));
    }
    parent::submitConfigurationForm($form, $form_state);
  }

  /**
   * A field for text with tokens.
   *
   * @param \Stringable|string $title
   *   The title.
   * @param string $key
   *   The key of the configuration.
   * @param \Stringable|string $description
   *   What to put in.
   *
   * @return array<string, mixed>
   *   The form element.
   */
  protected function textField(\Stringable|string $title, string $key, \Stringable|string $description): array {
    return [
      '#type' => 'textfield',
      '#title' => $title,
      '#description' => $description,
      '#default_value' => $this->configuration[$key],
      '#maxlength' => 1024,
      '#eca_token_replacement' => TRUE,
    ];
  }

  /**
   * A field for YAML with tokens.
   *
   * @param \Stringable|string $title
   *   The title.
   * @param string $key
   *   The key of the configuration.
   * @param \Stringable|string $description
   *   What to put in.
   *
   * @return array<string, mixed>
   *   The form element.
   */
  protected function yamlField(\Stringable|string $title, string $key, \Stringable|string $description): array {
    return ['#type' => 'textarea'] + $this->textField($title, $key, $this->t('@what Tokens need quotes: <code>title: "[node:title]"</code>. A value that is one token is the data of the token. <code>!int "[node:nid]"</code> is a number; there are !float and !bool, too.', ['@what' => $description]));
  }

  /**
   * A field for the name of a token.
   *
   * @param \Stringable|string $title
   *   The title.
   * @param string $key
   *   The key of the configuration.
   * @param \Stringable|string $description
   *   What the token will hold.
   *
   * @return array<string, mixed>
   *   The form element.
   */
  protected function tokenField(\Stringable|string $title, string $key, \Stringable|string $description): array {
    return [
      '#type' => 'textfield',
      '#title' => $title,
      '#description' => $description,
      '#default_value' => $this->configuration[$key],
      '#eca_token_reference' => TRUE,
    ];
  }

  /**
   * Checks a field with YAML.
   *
   * @param mixed[] $form
   *   The form.
   * @param \Drupal\Core\Form\FormStateInterface $form_state
   *   Its state.
   * @param string $key
   *   The key of the field.
   * @param bool $map
   *   Whether it must be a map.
   */
  protected function checkYaml(array &$form, FormStateInterface $form_state, string $key, bool $map = TRUE): void {
    $problem = InputYaml::check((string) $form_state->getValue($key), $map);
    if ($problem !== NULL) {
      $form_state->setError($form[$key], $this->t('The YAML cannot be used.') . ' ' . $problem);
    }
  }

  /**
   * Text of the configuration, with tokens replaced.
   *
   * @param string $key
   *   The key of the configuration.
   */
  protected function text(string $key): string {
    return trim(InputYaml::text($this->configuration[$key], $this->tokenService));
  }

  /**
   * Text of the configuration that must not be empty.
   *
   * @param string $key
   *   The key of the configuration.
   */
  protected function must(string $key): string {
    $text = $this->text($key);
    return $text !== '' ? $text : throw new ActionFailure('MISSING_VALUE', sprintf('"%s" of the action is empty%s.', $key, $this->configuration[$key] === '' ? '' : sprintf(': "%s" has no value', $this->configuration[$key])));
  }

  /**
   * A map of the configuration, with tokens replaced.
   *
   * @param string $key
   *   The key of the configuration.
   *
   * @return array<array-key, mixed>
   *   The map.
   */
  protected function map(string $key): array {
    $data = InputYaml::parse($this->configuration[$key], $this->tokenService) ?? [];
    return is_array($data) ? $data : throw new ActionFailure('INVALID_YAML', sprintf('"%s" of the action must be a map: lines such as "name: value".', $key));
  }

  /**
   * What joins the event with runs and messages.
   */
  protected function correlationId(): ?string {
    $event = $this->event ?? NULL;
    return match (TRUE) {
      $event instanceof RunEvent, $event instanceof ChannelMessageEvent, $event instanceof TaskRequestedEvent => $event->correlationId,
      default => NULL,
    };
  }

  /**
   * The model and the action in it.
   *
   * @return array{model: string, action: string}
   *   Their ids; empty outside of a model.
   */
  protected function origin(): array {
    return ['model' => $this->ecaModelId ?? '', 'action' => $this->actionId ?? ''];
  }

  /**
   * Logs a failure.
   *
   * @param \Drupal\ossa_eca\Eca\ActionFailure $failure
   *   The failure.
   */
  private function tell(ActionFailure $failure): void {
    $this->channel->error('The action "@plugin" (@action of the ECA model @model) failed: run @run, step @step: @error (@code) @help', [
      '@plugin' => $this->getPluginId(),
      '@action' => $this->origin()['action'] ?: '-',
      '@model' => $this->origin()['model'] ?: '-',
      '@run' => $failure->run ?? '-',
      '@step' => $failure->step ?? '-',
      '@error' => $failure->getMessage(),
      '@code' => $failure->errorCode,
      '@help' => (string) $failure->help,
      'exception' => $failure->getPrevious() ?? $failure,
    ]);
  }

}
