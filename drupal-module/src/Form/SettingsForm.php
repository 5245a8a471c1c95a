<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Form;

use Drupal\Component\Plugin\PluginManagerInterface;
use Drupal\Core\Config\ConfigFactoryInterface;
use Drupal\Core\Config\TypedConfigManagerInterface;
use Drupal\Core\Entity\EntityInterface;
use Drupal\Core\Entity\EntityTypeManagerInterface;
use Drupal\Core\Form\ConfigFormBase;
use Drupal\Core\Form\ConfigTarget;
use Drupal\Core\Form\FormStateInterface;
use Drupal\Core\Render\Markup;
use Drupal\Core\StringTranslation\TranslatableMarkup;
use Drupal\ossa_eca\Engine\Dsn;
use Drupal\ossa_eca\Engine\EngineProvider;
use Drupal\ossa_eca\Page\ManifestReport;
use Drupal\ossa_eca\Queue\StepQueues;
use Drupal\ossa_eca\Runs;
use Drupal\ossa_eca\StartOptions;
use Symfony\Component\DependencyInjection\ContainerInterface;

/**
 * Where runs are kept, where manifests are, what they may call and as whom.
 */
final class SettingsForm extends ConfigFormBase {

  private const SETTINGS = 'ossa_eca.settings';

  public function __construct(
    ConfigFactoryInterface $config_factory,
    TypedConfigManagerInterface $typed_config,
    protected Runs $runs,
    protected EngineProvider $engines,
    protected ManifestFolders $folders,
    protected ManifestReport $report,
    protected PluginManagerInterface $actions,
    protected EntityTypeManagerInterface $entityTypeManager,
  ) {
    parent::__construct($config_factory, $typed_config);
  }

  /**
   * {@inheritdoc}
   */
  public static function create(ContainerInterface $container): static {
    return new self(
      $container->get('config.factory'),
      $container->get('config.typed'),
      $container->get(Runs::class),
      $container->get(EngineProvider::class),
      $container->get(ManifestFolders::class),
      $container->get(ManifestReport::class),
      $container->get('plugin.manager.action'),
      $container->get('entity_type.manager'),
    );
  }

  /**
   * {@inheritdoc}
   */
  public function getFormId(): string {
    return 'ossa_eca_settings';
  }

  /**
   * {@inheritdoc}
   *
   * @return list<string>
   *   Names of configuration.
   */
  protected function getEditableConfigNames(): array {
    return [self::SETTINGS];
  }

  /**
   * {@inheritdoc}
   *
   * @param array<array-key, mixed> $form
   *   The form.
   * @param \Drupal\Core\Form\FormStateInterface $form_state
   *   Its state.
   *
   * @return array<array-key, mixed>
   *   The form.
   */
  public function buildForm(array $form, FormStateInterface $form_state): array {
    $form += $this->found() + [
      'manifests' => $this->group($this->t('Manifests'), $this->manifests()),
      'store' => $this->group($this->t('Store of runs'), $this->store()),
      'execution' => $this->group($this->t('Execution'), $this->execution()),
      'retries' => $this->group($this->t('Retries'), $this->retries(), FALSE),
      'messages' => $this->group($this->t('Messages'), $this->messages(), FALSE),
      'retention' => $this->group($this->t('Retention'), $this->retention()),
    ];
    return parent::buildForm($form, $form_state);
  }

  /**
   * {@inheritdoc}
   *
   * @param array<array-key, mixed> $form
   *   The form.
   * @param \Drupal\Core\Form\FormStateInterface $form_state
   *   Its state.
   */
  public function validateForm(array &$form, FormStateInterface $form_state): void {
    $deliveries = self::pairs((string) $form_state->getValue('deliveries'));
    foreach ($deliveries as $receiver => $queue) {
      // Such a name cannot be a key of configuration.
      if ($queue === '' || str_contains((string) $receiver, '.')) {
        $form_state->setErrorByName('deliveries', $this->t('%line is no delivery. Write the name of the receiver, which has no dots, a colon, and the name of the queue.', [
          '%line' => $queue === '' ? $receiver : $receiver . ': ' . $queue,
        ]));
        return;
      }
    }
    parent::validateForm($form, $form_state);
    $this->complain($form_state, 'manifest_paths', array_map($this->folders->problem(...), self::lines((string) $form_state->getValue('manifest_paths'))));
    $this->complain($form_state, 'plugins', array_map($this->problemOfPlugin(...), self::lines((string) $form_state->getValue('plugins'))));
    $uid = self::uid($form_state->getValue('account_uid'));
    if ($uid !== 0 && $this->entityTypeManager->getStorage('user')->load($uid) === NULL) {
      $form_state->setErrorByName('account_uid', $this->t('There is no user @uid.', ['@uid' => $uid]));
    }
    $this->validateDsn(trim((string) $form_state->getValue('dsn')), $form_state);
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
    parent::submitForm($form, $form_state);
    try {
      $invalid = ManifestReport::countInvalid($this->runs->manifests());
    }
    catch (\RuntimeException) {
      // The form says so.
      return;
    }
    if ($invalid > 0) {
      $this->messenger()->addWarning($this->formatPlural($invalid, '1 manifest cannot be run: see below.', '@count manifests cannot be run: see below.'));
    }
  }

  /**
   * Text without what surrounds it.
   *
   * @param string $text
   *   What was entered.
   */
  public static function trimmed(string $text): string {
    return trim($text);
  }

  /**
   * Lines of text as a list.
   *
   * @param string $text
   *   What was entered.
   *
   * @return list<string>
   *   The lines that say something.
   */
  public static function lines(string $text): array {
    return array_values(array_filter(array_map(trim(...), explode("\n", $text)), static fn (string $line): bool => $line !== ''));
  }

  /**
   * A list as lines of text.
   *
   * @param array<array-key, string>|null $list
   *   The list.
   */
  public static function text(?array $list): string {
    return implode("\n", $list ?? []);
  }

  /**
   * Lines of "name: value" as an array.
   *
   * @param string $text
   *   What was entered.
   *
   * @return array<array-key, string>
   *   Values by name; empty where there is none.
   */
  public static function pairs(string $text): array {
    $pairs = [];
    foreach (self::lines($text) as $line) {
      [$name, $value] = array_map(trim(...), explode(':', $line, 2)) + [1 => ''];
      $pairs[$name] = $value;
    }
    return $pairs;
  }

  /**
   * An array as lines of "name: value".
   *
   * @param array<array-key, string>|null $pairs
   *   Values by name.
   */
  public static function pairsAsText(?array $pairs): string {
    return self::text(array_map(static fn (int|string $name, string $value): string => $name . ': ' . $value, array_keys($pairs ?? []), $pairs ?? []));
  }

  /**
   * The account with this uid, for the autocomplete field.
   *
   * @param int|null $uid
   *   The uid.
   */
  public function account(?int $uid): ?EntityInterface {
    // Anonymous is the empty field: not all may choose it by its name.
    return $uid === NULL || $uid === 0 ? NULL : $this->entityTypeManager->getStorage('user')->load($uid);
  }

  /**
   * The uid of the account that was chosen.
   *
   * @param mixed $value
   *   What the autocomplete field gives.
   */
  public static function uid(mixed $value): int {
    return is_numeric($value) ? (int) $value : 0;
  }

  /**
   * What stands in the way of the engine, if something does.
   *
   * @return array<string, mixed>
   *   Elements of the form.
   */
  private function found(): array {
    $problem = $this->engines->problem();
    return $problem === NULL ? [] : [
      'problem' => [
        '#theme' => 'status_messages',
        '#message_list' => [
          'error' => [$this->t('The engine cannot be used. @problem', ['@problem' => $problem])],
        ],
        '#status_headings' => ['error' => $this->t('Error message')],
        '#weight' => -10,
      ],
    ];
  }

  /**
   * Where manifests are, and what is in them.
   *
   * @return array<string, mixed>
   *   Elements of the form.
   */
  private function manifests(): array {
    try {
      $report = $this->report->build($this->runs->manifests());
    }
    catch (\RuntimeException) {
      // That is told at the top.
      $report = [];
    }
    return [
      'manifest_paths' => $this->lined($this->t('Folders'), 'manifest_paths') + [
        '#description' => $this->t('One on a line: relative to the web root ("../ossa"), "module://NAME/FOLDER" or "private://FOLDER". Manifests are found in all folders below.'),
      ],
      'report' => $report,
      'validation' => [
        '#type' => 'radios',
        '#title' => $this->t('How strictly manifests are read'),
        '#options' => [
          'lenient' => $this->t('Lenient: fields that OSSA does not know are ignored, with a warning'),
          'strict' => $this->t('Strict: they are errors'),
        ],
        '#config_target' => self::SETTINGS . ':validation',
      ],
      'plugins' => $this->lined($this->t('Action plugins that manifests may name'), 'plugins') + [
        '#description' => $this->t('One id on a line, such as "action_send_email_action"; "eca_*" allows all that begin with "eca_". A step may do what these do, as far as its account may.'),
      ],
    ];
  }

  /**
   * Where runs are kept.
   *
   * @return array<string, mixed>
   *   Elements of the form.
   */
  private function store(): array {
    $settings = $this->configFactory()->get(self::SETTINGS);
    $overridden = $settings->hasOverrides('store.dsn');
    return [
      'dsn' => [
        '#type' => 'textfield',
        '#title' => $this->t('DSN'),
        '#description' => $this->t('Leave it empty for the database of the site. Else the DSN of a store, such as "sqlite:///var/lib/ossa/runs.db" or "postgresql://user@host/database". One with a password is not kept in configuration, which is exported: put it into settings.php as <code>@line</code>', [
          '@line' => "\$config['ossa_eca.settings']['store']['dsn'] = '…';",
        ]),
        '#maxlength' => 1024,
        '#config_target' => $this->target('store.dsn', [Dsn::class, 'redacted'], [self::class, 'trimmed']),
        '#disabled' => $overridden,
      ],
      'overridden' => !$overridden ? [] : [
        '#type' => 'item',
        '#title' => $this->t('DSN of settings.php'),
        '#plain_text' => Dsn::redacted((string) $settings->get('store.dsn')),
        '#description' => $this->t('It is used instead of the one above.'),
      ],
    ];
  }

  /**
   * Who carries out steps, and as whom.
   *
   * @return array<string, mixed>
   *   Elements of the form.
   */
  private function execution(): array {
    return [
      'cron_seconds' => $this->number($this->t('Seconds for each queue in cron'), 'queue.cron_seconds', 0, 3600) + [
        '#description' => $this->t('There is a queue for each priority: @queues. 0 leaves them to workers, such as "drush ossa:work".', [
          '@queues' => implode(', ', array_map(StepQueues::name(...), StartOptions::PRIORITIES)),
        ]),
      ],
      'lease_seconds' => $this->number($this->t('Seconds after which a step is given to another worker'), 'lease_seconds', 5, 86400) + [
        '#description' => $this->t('When its worker says nothing for so long. Choose more than the longest step takes.'),
      ],
      'account_mode' => [
        '#type' => 'radios',
        '#title' => $this->t('Steps run as'),
        '#options' => [
          'initiator' => $this->t('the user that the run was started for, or the account below where that user is gone'),
          'configured' => $this->t('the account below'),
        ],
        '#config_target' => self::SETTINGS . ':account.mode',
      ],
      'account_uid' => [
        '#type' => 'entity_autocomplete',
        '#target_type' => 'user',
        '#title' => $this->t('Account'),
        // Who may not view users can still save the form.
        '#validate_reference' => FALSE,
        '#description' => $this->t('Empty is the anonymous user.'),
        '#config_target' => $this->target('account.uid', [$this, 'account'], [self::class, 'uid']),
      ],
    ];
  }

  /**
   * Retries where a manifest says nothing.
   *
   * @return array<string, mixed>
   *   Elements of the form.
   */
  private function retries(): array {
    return [
      'hint' => ['#markup' => '<p>' . $this->t('For steps whose manifest says nothing of retries.') . '</p>'],
      'max_attempts' => $this->number($this->t('Attempts'), 'retry.max_attempts', 1, 100),
      'backoff' => [
        '#type' => 'select',
        '#title' => $this->t('Backoff'),
        '#options' => [
          'none' => $this->t('None'),
          'fixed' => $this->t('Fixed'),
          'linear' => $this->t('Linear'),
          'exponential' => $this->t('Exponential'),
        ],
        '#config_target' => self::SETTINGS . ':retry.backoff',
      ],
      'initial_delay_ms' => $this->number($this->t('First delay'), 'retry.initial_delay_ms', 0, 86400000) + [
        '#field_suffix' => $this->t('ms'),
      ],
      'max_delay_ms' => $this->number($this->t('Longest delay'), 'retry.max_delay_ms', 0, 604800000) + [
        '#field_suffix' => $this->t('ms'),
      ],
    ];
  }

  /**
   * What becomes of messages of channels.
   *
   * @return array<string, mixed>
   *   Elements of the form.
   */
  private function messages(): array {
    return [
      'channels' => $this->lined($this->t('Channels whose messages become events'), 'channels') + [
        '#description' => $this->t('One channel, or pattern such as "security.*", on a line. ECA models name their channels themselves.'),
      ],
      'deliveries' => [
        '#type' => 'textarea',
        '#title' => $this->t('Queues for receivers'),
        '#description' => $this->t('Messages that are routed to a receiver go to this queue of Drupal. One on a line, such as "mailer: my_queue".'),
        '#rows' => 3,
        '#config_target' => $this->target('deliveries', [self::class, 'pairsAsText'], [self::class, 'pairs']),
      ],
    ];
  }

  /**
   * How long runs are kept.
   *
   * @return array<string, mixed>
   *   Elements of the form.
   */
  private function retention(): array {
    $form = [
      'hint' => ['#markup' => '<p>' . $this->t('Cron removes runs that have ended. 0 sets no bound.') . '</p>'],
    ];
    $titles = [
      'completed' => [$this->t('Days that completed runs are kept'), $this->t('Completed runs that are kept')],
      'failed' => [$this->t('Days that failed runs are kept'), $this->t('Failed runs that are kept')],
      'canceled' => [$this->t('Days that canceled runs are kept'), $this->t('Canceled runs that are kept')],
    ];
    foreach ($titles as $status => [$days, $count]) {
      $form[$status . '_days'] = $this->number($days, "retention.$status.max_age_days", 0, 36500);
      $form[$status . '_count'] = $this->number($count, "retention.$status.max_count", 0);
    }
    return $form;
  }

  /**
   * A part of the form.
   *
   * @param \Drupal\Core\StringTranslation\TranslatableMarkup $title
   *   Its title.
   * @param array<string, mixed> $elements
   *   Its elements.
   * @param bool $open
   *   Whether it is unfolded.
   *
   * @return array<string, mixed>
   *   An element.
   */
  private function group(TranslatableMarkup $title, array $elements, bool $open = TRUE): array {
    return ['#type' => 'details', '#title' => $title, '#open' => $open] + $elements;
  }

  /**
   * A setting that is entered in another form than it is kept in.
   *
   * @param string $key
   *   Key of the setting.
   * @param callable $show
   *   Makes what is shown of what is kept.
   * @param callable $keep
   *   Makes what is kept of what was entered.
   */
  private function target(string $key, callable $show, callable $keep): ConfigTarget {
    return new ConfigTarget(self::SETTINGS, $key, $show, $keep);
  }

  /**
   * A list, one entry on a line.
   *
   * @param \Drupal\Core\StringTranslation\TranslatableMarkup $title
   *   Its title.
   * @param string $key
   *   Key of the setting.
   *
   * @return array<string, mixed>
   *   An element.
   */
  private function lined(TranslatableMarkup $title, string $key): array {
    return [
      '#type' => 'textarea',
      '#title' => $title,
      '#rows' => 3,
      '#config_target' => $this->target($key, [self::class, 'text'], [self::class, 'lines']),
    ];
  }

  /**
   * A number.
   *
   * @param \Drupal\Core\StringTranslation\TranslatableMarkup $title
   *   Its title.
   * @param string $key
   *   Key of the setting.
   * @param int $min
   *   The least.
   * @param int|null $max
   *   The most.
   *
   * @return array<string, mixed>
   *   An element.
   */
  private function number(TranslatableMarkup $title, string $key, int $min, ?int $max = NULL): array {
    return [
      '#type' => 'number',
      '#title' => $title,
      '#min' => $min,
      '#max' => $max,
      '#required' => TRUE,
      '#config_target' => self::SETTINGS . ':' . $key,
    ];
  }

  /**
   * Says why a plugin cannot be allowed.
   *
   * @param string $plugin
   *   Id of an action plugin, or the beginning of ids and "*".
   */
  private function problemOfPlugin(string $plugin): ?TranslatableMarkup {
    return str_ends_with($plugin, '*') || $this->actions->hasDefinition($plugin)
      ? NULL
      : $this->t('There is no action plugin %plugin.', ['%plugin' => $plugin]);
  }

  /**
   * Tries a DSN that is new.
   *
   * @param string $dsn
   *   The DSN.
   * @param \Drupal\Core\Form\FormStateInterface $form_state
   *   The state of the form.
   */
  private function validateDsn(string $dsn, FormStateInterface $form_state): void {
    if ($form_state->getError(['#parents' => ['dsn']]) !== NULL || $this->configFactory()->get(self::SETTINGS)->hasOverrides('store.dsn')) {
      return;
    }
    if (Dsn::hasSecret($dsn)) {
      $form_state->setErrorByName('dsn', $this->t('A DSN with a password is not kept in configuration. Put it into settings.php.'));
      return;
    }
    if ($dsn !== $this->config(self::SETTINGS)->getOriginal('store.dsn', FALSE)) {
      $problem = $this->engines->problemOf($dsn);
      if ($problem !== NULL) {
        $form_state->setErrorByName('dsn', $this->t('Runs cannot be kept there. @problem', ['@problem' => $problem]));
      }
    }
  }

  /**
   * Tells what is wrong with the lines of a field.
   *
   * @param \Drupal\Core\Form\FormStateInterface $form_state
   *   The state of the form.
   * @param string $field
   *   The field.
   * @param list<\Drupal\Core\StringTranslation\TranslatableMarkup|null> $problems
   *   A problem of each line, or NULL.
   */
  private function complain(FormStateInterface $form_state, string $field, array $problems): void {
    $problems = array_filter($problems);
    if ($problems !== [] && $form_state->getError(['#parents' => [$field]]) === NULL) {
      // Each part is safe.
      $form_state->setErrorByName($field, Markup::create(implode(' ', $problems)));
    }
  }

}
