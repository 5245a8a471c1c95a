<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Functional;

use Drupal\Component\Plugin\ConfigurableInterface;
use Drupal\Component\Plugin\PluginManagerInterface;
use Drupal\eca\Entity\Eca;
use Drupal\modeler_api\Api;

/**
 * From a node that is published, over a model and a queue, to another model.
 *
 * @group ossa_eca
 */
final class EcaEndToEndTest extends WorkerTestBase {

  /**
   * {@inheritdoc}
   *
   * @var list<string>
   */
  protected static $modules = ['node', 'eca_base', 'eca_content', 'ossa_eca_test'];

  /**
   * The whole way, and nothing to complain of on it.
   */
  public function testPublishedNodeRunsTaskWhoseResultReachesAnotherModel(): void {
    $this->config('ossa_eca.settings')->set('manifest_paths', ['module://ossa_eca_test/manifests'])->save();
    $this->drupalCreateContentType(['type' => 'article']);
    $this->model('publish', ['content_entity:update', ['type' => 'node article']], [
      'eca_entity_field_value',
      ['field_name' => 'status', 'expected_value' => '1', 'entity' => 'node'],
    ], [
      'ossa_task_action',
      ['task_manifest' => 'greet', 'input' => 'name: "[node:title]"'],
    ]);
    $this->model('told', ['ossa_eca:run_completed', ['task' => 'gr*']], [
      'ossa_task_condition',
      ['output_field' => 'greeting', 'operator' => 'beginswith', 'value' => 'Hello'],
    ], [
      'eca_state_write',
      ['key' => 'note', 'value' => 'Run [run:id]: [result:greeting] ([run:status]) as [result:uid]'],
    ]);

    $this->logInWith(['access content', 'create article content', 'edit own article content', 'administer nodes']);
    $this->drupalGet('node/add/article');
    $this->submitForm(['title[0][value]' => 'Ada', 'status[value]' => FALSE], 'Save');
    self::assertSame([], $this->runs()->list(), 'The condition does not match yet.');

    $this->drupalGet('node/1/edit');
    $this->submitForm(['status[value]' => TRUE], 'Save');
    self::assertCount(1, $this->runs()->list());
    self::assertNull($this->container->get('eca.state')->get('note'));

    $this->drush('queue:run', 'ossa_step:normal');
    $run = $this->runs()->list()[0];
    self::assertSame('completed', $run->getStatus());
    $this->container->get('eca.state')->resetCache();
    self::assertSame(
      sprintf('Run %s: Hello Ada (completed) as %d', $run->getId(), $this->loggedInUser ? $this->loggedInUser->id() : 0),
      $this->container->get('eca.state')->get('note'),
    );

    $this->drush('pm:uninstall', 'ossa_eca_effects_test', 'ossa_eca_test', 'ossa_eca');
    self::assertSame([], $this->complaints());
  }

  /**
   * Makes a model: an event, a condition, an action.
   *
   * @param string $id
   *   Its id.
   * @param array{string, array<string, mixed>} $event
   *   Plugin id and configuration.
   * @param array{string, array<string, mixed>} $condition
   *   Plugin id and configuration.
   * @param array{string, array<string, mixed>} $action
   *   Plugin id and configuration.
   */
  private function model(string $id, array $event, array $condition, array $action): void {
    $node = function (string $manager, array $plugin): array {
      $plugins = $this->container->get($manager);
      assert($plugins instanceof PluginManagerInterface);
      $instance = $plugins->createInstance($plugin[0]);
      assert($instance instanceof ConfigurableInterface);
      return ['plugin' => $plugin[0], 'configuration' => $plugin[1] + $instance->defaultConfiguration()];
    };
    $successors = [['id' => 'action', 'condition' => 'condition']];
    $values = [
      'id' => $id,
      'events' => [
        'event' => ['label' => $id, 'successors' => $successors] + $node('plugin.manager.eca.event', $event),
      ],
      'conditions' => ['condition' => $node('plugin.manager.eca.condition', $condition)],
      'gateways' => [],
      'actions' => [
        'action' => ['label' => $id, 'successors' => []] + $node('plugin.manager.action', $action),
      ],
    ];
    // ECA 2 wants to know what the model was drawn with.
    $drawn = ['modeller' => 'fallback', 'version' => '1.0.0', 'label' => $id];
    Eca::create($values + (class_exists(Api::class) ? [] : $drawn))->save();
  }

}
