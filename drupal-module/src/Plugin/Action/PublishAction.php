<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Plugin\Action;

use Drupal\Core\Action\Attribute\Action;
use Drupal\Core\Form\FormStateInterface;
use Drupal\Core\StringTranslation\TranslatableMarkup;
use Drupal\eca\Attribute\EcaAction;
use Drupal\ossa_eca\Eca\OssaActionBase;

/**
 * Publishes a message on a channel.
 */
#[Action(
  id: 'ossa_publish_action',
  label: new TranslatableMarkup('OSSA: publish to a channel'),
)]
#[EcaAction(
  description: new TranslatableMarkup('Publishes a message on an OSSA channel: for agents, for other systems, and for models that listen to it.'),
  version_introduced: '1.0.0',
)]
final class PublishAction extends OssaActionBase {

  /**
   * {@inheritdoc}
   */
  protected function carryOut(): void {
    $id = $this->runs->publish($this->must('channel'), $this->map('payload'), $this->text('source') ?: 'drupal', array_filter([
      'id' => $this->text('message_id'),
      'type' => $this->text('type'),
      'correlation_id' => $this->correlationId(),
    ]));
    if ($this->configuration['token_name'] !== '') {
      $this->tokenService->addTokenData($this->configuration['token_name'], $id);
    }
  }

  /**
   * {@inheritdoc}
   */
  public function defaultConfiguration(): array {
    return [
      'channel' => '',
      'payload' => '',
      'type' => '',
      'source' => 'drupal',
      'message_id' => '',
      'token_name' => '',
    ] + parent::defaultConfiguration();
  }

  /**
   * {@inheritdoc}
   */
  public function buildConfigurationForm(array $form, FormStateInterface $form_state): array {
    $form['channel'] = ['#required' => TRUE] + $this->textField($this->t('Channel'), 'channel', $this->t('Such as <em>content.published</em>.'));
    $form['payload'] = $this->yamlField($this->t('Payload'), 'payload', $this->t('YAML.'));
    $form['type'] = $this->textField($this->t('Type'), 'type', $this->t('What the message is about.'));
    $form['source'] = $this->textField($this->t('Source'), 'source', $this->t('Who publishes it.'));
    $form['message_id'] = $this->textField($this->t('Id'), 'message_id', $this->t('A message with the same id is published once. Empty: each time.'));
    $form['token_name'] = $this->tokenField($this->t('Name of the token'), 'token_name', $this->t('Takes the id of the message.'));
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
    $this->checkYaml($form, $form_state, 'payload');
    $channel = trim((string) $form_state->getValue('channel'));
    if (!str_contains($channel, '[') && preg_match('/[\s*#]/', $channel) === 1) {
      $form_state->setError($form['channel'], $this->t('That is no channel to publish on: it must be one name, without spaces, "*" and "#".'));
    }
  }

}
