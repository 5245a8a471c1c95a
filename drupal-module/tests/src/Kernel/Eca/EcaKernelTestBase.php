<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Kernel\Eca;

use Drupal\Component\Plugin\ConfigurableInterface;
use Drupal\Component\Render\MarkupInterface;
use Drupal\Component\Utility\Html;
use Drupal\Core\DependencyInjection\ContainerBuilder;
use Drupal\Core\Form\FormState;
use Drupal\Core\Plugin\PluginFormInterface;
use Drupal\Core\TypedData\TypedDataInterface;
use Drupal\Tests\ossa_eca\Kernel\LogCollector;
use Drupal\Tests\ossa_eca\Kernel\OssaKernelTestBase;
use Drupal\eca\Entity\Eca;
use Drupal\eca\Plugin\Action\ConfigurableActionBase;
use Drupal\eca\Plugin\ECA\Event\EventInterface;
use Drupal\eca\Token\TokenInterface;
use Drupal\modeler_api\Api;
use Drupal\ossa_eca\Event\OssaEvents;
use Drupal\ossa_eca\Event\TaskRequestedEvent;
use Drupal\ossa_eca\Plugin\ECA\Condition\TaskCondition;

/**
 * A site with the module and ECA, on which models are made and run.
 */
abstract class EcaKernelTestBase extends OssaKernelTestBase {

  /**
   * {@inheritdoc}
   *
   * @var list<string>
   */
  protected static $modules = ['field', 'eca', 'eca_base'];

  /**
   * What was logged.
   */
  protected LogCollector $log;

  /**
   * {@inheritdoc}
   */
  protected function setUp(): void {
    if (!class_exists(Eca::class)) {
      $this->markTestSkipped('ECA is not on this site.');
    }
    // ECA 3 needs it.
    if (class_exists(Api::class) && !in_array('modeler_api', self::$modules, TRUE)) {
      self::$modules[] = 'modeler_api';
    }
    parent::setUp();
    $this->installConfig(['eca']);
  }

  /**
   * {@inheritdoc}
   */
  public function register(ContainerBuilder $container): void {
    parent::register($container);
    $this->log = new LogCollector();
    $container->set('ossa_eca_test.log', $this->log);
    $container->register('ossa_eca_test.log', LogCollector::class)->setSynthetic(TRUE)->addTag('logger');
  }

  /**
   * Makes a model: its actions follow the event one after the other.
   *
   * @param string $event
   *   Derivative of the event plugin of the module.
   * @param array<string, mixed> $configuration
   *   Configuration of the event.
   * @param list<array{string, array<string, mixed>}> $actions
   *   Plugin id and configuration of each action.
   * @param array<string, mixed>|null $condition
   *   Configuration of the condition of the module before the first action.
   */
  protected function model(string $event, array $configuration, array $actions, ?array $condition = NULL): void {
    $nodes = [];
    foreach ($actions as $number => [$plugin, $settings]) {
      $nodes['action_' . $number] = [
        'plugin' => $plugin,
        'label' => $plugin,
        'configuration' => $settings + $this->action($plugin)->defaultConfiguration(),
        'successors' => isset($actions[$number + 1]) ? [['id' => 'action_' . ($number + 1), 'condition' => '']] : [],
      ];
    }
    $version = class_exists(Api::class) ? [] : ['modeller' => 'fallback', 'version' => '1.0.0', 'label' => 'Model'];
    Eca::create($version + [
      'id' => 'model_' . count(Eca::loadMultiple()),
      'events' => [
        'event' => [
          'plugin' => 'ossa_eca:' . $event,
          'label' => $event,
          'configuration' => $configuration + $this->event($event)->defaultConfiguration(),
          'successors' => [['id' => 'action_0', 'condition' => $condition === NULL ? '' : 'condition']],
        ],
      ],
      'conditions' => $condition === NULL ? [] : [
        'condition' => [
          'plugin' => 'ossa_task_condition',
          'configuration' => $condition + $this->condition()->defaultConfiguration(),
        ],
      ],
      'gateways' => [],
      'actions' => $nodes,
    ])->save();
  }

  /**
   * An event plugin of the module.
   *
   * @param string $derivative
   *   Its derivative.
   */
  protected function event(string $derivative): EventInterface {
    $plugin = $this->container->get('plugin.manager.eca.event')->createInstance('ossa_eca:' . $derivative);
    assert($plugin instanceof EventInterface);
    return $plugin;
  }

  /**
   * The condition plugin of the module.
   *
   * @param array<string, mixed> $configuration
   *   Its configuration.
   */
  protected function condition(array $configuration = []): TaskCondition {
    $plugin = $this->container->get('plugin.manager.eca.condition')->createInstance('ossa_task_condition', $configuration);
    assert($plugin instanceof TaskCondition);
    return $plugin;
  }

  /**
   * An action plugin.
   *
   * @param string $id
   *   Its id.
   * @param array<string, mixed> $configuration
   *   Its configuration.
   */
  protected function action(string $id, array $configuration = []): ConfigurableActionBase {
    $plugin = $this->container->get('plugin.manager.action')->createInstance($id, $configuration);
    assert($plugin instanceof ConfigurableActionBase);
    return $plugin;
  }

  /**
   * An action that keeps text with tokens for noted().
   *
   * @param string $text
   *   The text.
   * @param string $key
   *   What it is kept under.
   *
   * @return array{string, array<string, mixed>}
   *   Plugin id and configuration.
   */
  protected static function note(string $text, string $key = 'note'): array {
    return ['eca_state_write', ['key' => $key, 'value' => $text]];
  }

  /**
   * What a model has noted.
   *
   * @param string $key
   *   What it was kept under.
   */
  protected function noted(string $key = 'note'): ?string {
    $noted = $this->container->get('eca.state')->get($key);
    // A text that is one token is kept as its data.
    return $noted instanceof TypedDataInterface ? $noted->getString() : $noted;
  }

  /**
   * Asks for a task.
   *
   * @param string $task
   *   The task.
   * @param array<string, mixed> $input
   *   The input.
   * @param string|null $correlationId
   *   What joins its runs with others.
   */
  protected function ask(string $task = 'greet', array $input = [], ?string $correlationId = NULL): TaskRequestedEvent {
    $event = new TaskRequestedEvent($task, $input, $correlationId);
    $this->container->get('event_dispatcher')->dispatch($event, OssaEvents::TASK_EXECUTE);
    return $event;
  }

  /**
   * The tokens of ECA.
   */
  protected function tokens(): TokenInterface {
    return $this->container->get('eca.token_services');
  }

  /**
   * Fills and submits the form of a plugin, as ECA does for a modeller.
   *
   * @param \Drupal\Core\Plugin\PluginFormInterface&\Drupal\Component\Plugin\ConfigurableInterface $plugin
   *   The plugin.
   * @param array<string, mixed> $values
   *   The values; those left out are the configuration of the plugin.
   *
   * @return array<string, string>
   *   Errors by field, as HTML; when there are none, the form was submitted.
   */
  protected function submit(PluginFormInterface&ConfigurableInterface $plugin, array $values): array {
    // ECA 2 has it, ECA 3 leaves it to another module.
    $module = class_exists(Api::class) ? 'modeler_api' : 'eca';
    /** @var class-string<\Drupal\Core\Form\FormInterface> $class */
    $class = "Drupal\\$module\\Form\\RuntimePluginForm";
    $form = new $class($plugin);
    $state = (new FormState())->setProgrammed()->setSubmitted();
    $state->clearErrors();
    $input = ['configuration' => $values + $plugin->getConfiguration()];
    $state->setUserInput($input)->setValues($input);
    $this->container->get('form_builder')->buildForm($form, $state);
    $errors = [];
    foreach ($state->getErrors() as $name => $error) {
      $errors[str_replace('configuration][', '', (string) $name)] = $error instanceof MarkupInterface ? (string) $error : Html::escape((string) $error);
    }
    return $errors;
  }

}
