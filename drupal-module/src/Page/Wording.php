<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Page;

use Drupal\Core\StringTranslation\StringTranslationTrait;
use Drupal\Core\StringTranslation\TranslatableMarkup;
use Drupal\Core\StringTranslation\TranslationInterface;
use Drupal\ossa_eca\Execution\ExecutionAccount;

/**
 * The engine's words for people.
 */
final class Wording {

  use StringTranslationTrait;

  public function __construct(TranslationInterface $stringTranslation) {
    $this->setStringTranslation($stringTranslation);
  }

  /**
   * States of runs.
   *
   * @return array<string, \Drupal\Core\StringTranslation\TranslatableMarkup>
   *   Names by state.
   */
  public function runStates(): array {
    return [
      'pending' => $this->t('Pending'),
      'running' => $this->t('Running'),
      'waiting' => $this->t('Waiting'),
      'paused' => $this->t('Paused'),
      'quarantined' => $this->t('Set aside'),
      'completed' => $this->t('Completed'),
      'failed' => $this->t('Failed'),
      'canceled' => $this->t('Canceled'),
    ];
  }

  /**
   * The state of a run or step.
   *
   * @param string $status
   *   As the engine spells it.
   *
   * @return \Drupal\Core\StringTranslation\TranslatableMarkup|string
   *   Its name.
   */
  public function status(string $status): TranslatableMarkup|string {
    return $this->runStates()[$status] ?? match ($status) {
      'ready' => $this->t('Ready'),
      'retrying' => $this->t('Waits for a retry'),
      'skipped' => $this->t('Skipped'),
      default => $status,
    };
  }

  /**
   * What happened.
   *
   * @param string $type
   *   Type of an event of a run.
   *
   * @return \Drupal\Core\StringTranslation\TranslatableMarkup|string
   *   In words.
   */
  public function event(string $type): TranslatableMarkup|string {
    return match ($type) {
      'run_created' => $this->t('Run created'),
      'run_started' => $this->t('Run started'),
      'run_completed' => $this->t('Run completed'),
      'run_failing', 'run_failed' => $this->t('Run failed'),
      'run_canceling' => $this->t('Run is being canceled'),
      'run_canceled' => $this->t('Run canceled'),
      'run_aborted' => $this->t('Run aborted'),
      'run_paused' => $this->t('Run paused'),
      'run_resumed' => $this->t('Run resumed'),
      'run_quarantined' => $this->t('Run set aside'),
      'run_released' => $this->t('Run released'),
      'run_reopened' => $this->t('Run reopened'),
      'step_ready' => $this->t('Step ready'),
      'step_opened' => $this->t('Block of steps began'),
      'step_waiting' => $this->t('Step waits'),
      'step_voted' => $this->t('Vote'),
      'step_answered' => $this->t('Answer'),
      'step_escalated' => $this->t('Escalation'),
      'step_dispatched' => $this->t('Step queued'),
      'child_started' => $this->t('Child run started'),
      'step_completed' => $this->t('Step completed'),
      'attempt_failed' => $this->t('Attempt failed'),
      'step_retry_scheduled' => $this->t('Retry scheduled'),
      'step_failed' => $this->t('Step failed'),
      'step_fell_back' => $this->t('Fallback'),
      'step_skipped' => $this->t('Step skipped'),
      'step_canceled' => $this->t('Step canceled'),
      'step_steered' => $this->t('Order'),
      'step_reopened' => $this->t('Step reopened'),
      'variable_set' => $this->t('Variable set'),
      'validation_failed' => $this->t('Validation failed'),
      'notification_requested' => $this->t('Notification requested'),
      'warned' => $this->t('Warning'),
      default => ucfirst(str_replace('_', ' ', $type)),
    };
  }

  /**
   * What is to be said of an event besides its type and step.
   *
   * @param array<array-key, mixed> $event
   *   The event.
   *
   * @return string
   *   Plain text: not safe to show unescaped.
   */
  public function detail(array $event): string {
    $error = is_array($event['error'] ?? NULL) ? $event['error'] : NULL;
    $due = $event['due'] ?? NULL;
    $facts = [
      isset($event['attempt']) && $event['attempt'] > 0 ? (string) $this->t('attempt @number', ['@number' => $event['attempt']]) : NULL,
      match ($event['type'] ?? NULL) {
        'step_retry_scheduled' => is_int($due) ? (string) $this->t('due in @delay ms', ['@delay' => max(0, $due - (int) $event['at'])]) : NULL,
        'step_voted' => (string) (($event['approved'] ?? FALSE) === TRUE ? $this->t('approved') : $this->t('rejected')),
        'group_noted' => ($event['ahead'] ?? 0) > 0 ? (string) $this->t('behind @count runs', ['@count' => $event['ahead']]) : NULL,
        default => NULL,
      },
      ($event['continued'] ?? FALSE) === TRUE ? (string) $this->t('the run goes on') : NULL,
    ];
    foreach (['workflow', 'order', 'name', 'fallback', 'run', 'message', 'subject'] as $key) {
      $facts[] = is_string($event[$key] ?? NULL) ? $event[$key] : NULL;
    }
    foreach (['violations', 'to'] as $key) {
      $facts[] = is_array($event[$key] ?? NULL) ? implode('; ', array_filter($event[$key], is_string(...))) : NULL;
    }
    if (is_string($event['assignee'] ?? NULL)) {
      $facts[] = (string) $this->t('for @assignee', ['@assignee' => $event['assignee']]);
    }
    if ($error !== NULL) {
      $facts[] = self::error($error);
    }
    if (is_string($event['by'] ?? NULL) && $event['by'] !== '') {
      $facts[] = (string) $this->t('by @who', ['@who' => $event['by']]);
    }
    foreach (['reason', 'comment'] as $key) {
      $facts[] = is_string($event[$key] ?? NULL) ? $event[$key] : NULL;
    }
    return implode(', ', array_filter($facts, static fn (?string $fact): bool => $fact !== NULL && $fact !== ''));
  }

  /**
   * Labels as a line, but for that of the account.
   *
   * @param array<string, string> $labels
   *   Values by name.
   *
   * @return string
   *   Plain text: not safe to show unescaped.
   */
  public static function labels(array $labels): string {
    unset($labels[ExecutionAccount::LABEL]);
    return implode(', ', array_map(static fn (string $name, string $value): string => $name . '=' . $value, array_map(strval(...), array_keys($labels)), $labels));
  }

  /**
   * An error as a line.
   *
   * @param array<array-key, mixed> $error
   *   With "code" and "message".
   *
   * @return string
   *   Plain text: not safe to show unescaped.
   */
  public static function error(array $error): string {
    $code = is_string($error['code'] ?? NULL) ? $error['code'] : '';
    $message = is_string($error['message'] ?? NULL) ? $error['message'] : '';
    return $code === '' ? $message : $code . ': ' . $message;
  }

}
