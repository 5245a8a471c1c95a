<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Kernel\Eca;

use Drupal\Core\Form\FormState;
use Drupal\eca\Entity\Eca;

/**
 * The forms of the plugins keep what is right, and say what is wrong where.
 *
 * @group ossa_eca
 */
final class ConfigFormTest extends EcaKernelTestBase {

  private const EVENTS = ['task_execute', 'run_completed', 'run_failed', 'step_waiting', 'channel_message'];

  private const ACTIONS = [
    'ossa_task_action' => ['task_manifest' => 'greet'],
    'ossa_workflow_action' => ['workflow_manifest' => 'greet-twice'],
    'ossa_request_action' => ['task' => 'greet'],
    'ossa_publish_action' => ['channel' => 'orders.placed'],
    'ossa_decide_action' => [],
    'ossa_cancel_action' => [],
  ];

  /**
   * Every form has a field for each key and keeps what is put in.
   */
  public function testEveryFormKeepsWhatIsPutIn(): void {
    foreach ($this->plugins() as $name => [$plugin, $values]) {
      $form = $plugin->buildConfigurationForm([], new FormState());
      $defaults = $plugin->defaultConfiguration();
      $missing = array_diff(array_keys($defaults), array_keys($form));
      self::assertSame([], $missing, $name);
      foreach ($defaults as $key => $default) {
        $values += match (TRUE) {
          is_bool($default) => [$key => 1],
          isset($form[$key]['#options']) => [$key => (string) array_key_last($form[$key]['#options'])],
          default => [$key => $default ?: 'abc'],
        };
      }
      $yaml = array_filter(array_keys($values), static fn (string $key): bool => ($form[$key]['#type'] ?? '') === 'textarea' && $key !== 'decision');
      $values = array_fill_keys($yaml, "a: 1\nb: '[x:y]'") + $values;
      self::assertSame([], $this->submit($plugin, $values), $name);
      foreach ($plugin->getConfiguration() as $key => $kept) {
        self::assertSame(is_bool($kept) ? (bool) $values[$key] : $values[$key], $kept, "$name $key");
      }
    }
    self::assertSame([], $this->log->above('notice'));
  }

  /**
   * An empty form can be built, checked and submitted.
   */
  public function testFormsSurviveAnEmptySubmission(): void {
    foreach ($this->plugins() as [$plugin]) {
      $state = new FormState();
      $form = $plugin->buildConfigurationForm([], $state);
      $plugin->validateConfigurationForm($form, $state);
      $plugin->submitConfigurationForm($form, $state);
    }
    self::assertSame([], $this->log->above('notice'));
  }

  /**
   * A missing manifest is told at the field, with the folders that there are.
   */
  public function testMissingManifestIsToldAtTheField(): void {
    $errors = $this->submit($this->action('ossa_task_action'), ['task_manifest' => '<b>nothing</b>']);
    self::assertSame(['task_manifest'], array_keys($errors));
    self::assertStringContainsString('&lt;b&gt;nothing&lt;/b&gt;', $errors['task_manifest']);
    self::assertStringContainsString('manifests', $errors['task_manifest']);
  }

  /**
   * An invalid manifest is told at the field, with its diagnostics.
   */
  public function testInvalidManifestIsToldWithItsDiagnostics(): void {
    $folder = sys_get_temp_dir() . '/ossa_eca_' . $this->databasePrefix;
    mkdir($folder);
    file_put_contents($folder . '/broken.yaml', "apiVersion: ossa/v0.3.0\nkind: Task\nmetadata: {name: broken}\nspec: {execution: {type: '<script>'}}\n");
    $this->setting('manifest_paths', ['module://ossa_eca_test/manifests', $folder]);
    foreach (['broken', 'broken.yaml'] as $manifest) {
      $errors = $this->submit($this->action('ossa_task_action'), ['task_manifest' => $manifest]);
      self::assertSame(['task_manifest'], array_keys($errors), $manifest);
      self::assertStringContainsString('is no known type of execution', $errors['task_manifest']);
      self::assertStringContainsString('broken.yaml:4:', $errors['task_manifest']);
      self::assertStringNotContainsString('<script>', $errors['task_manifest']);
    }
    unlink($folder . '/broken.yaml');
    rmdir($folder);
  }

  /**
   * A workflow is no task.
   */
  public function testManifestOfTheOtherKindIsToldAtTheField(): void {
    $errors = $this->submit($this->action('ossa_task_action'), ['task_manifest' => 'greet-twice']);
    self::assertStringContainsString('is a Workflow', $errors['task_manifest']);
    self::assertArrayHasKey('workflow_manifest', $this->submit($this->action('ossa_workflow_action'), ['workflow_manifest' => 'greet']));
  }

  /**
   * A manifest that a token names is not looked for.
   */
  public function testManifestOfTokenIsNotLookedFor(): void {
    self::assertSame([], $this->submit($this->action('ossa_task_action'), ['task_manifest' => '[task:name]']));
  }

  /**
   * YAML that does not parse is told at its field, with the line.
   */
  public function testBrokenYamlIsToldWithItsLine(): void {
    $cases = [
      ["a: 1\nb: [", 'line 2'],
      ["a: 1\nb: 2\nc: [node:title]", 'line 3'],
      ['just text', 'map'],
      ["- a\n- b", 'map'],
      ['a: !date x', '!date'],
    ];
    foreach ($cases as [$yaml, $expected]) {
      $errors = $this->submitInput($yaml);
      self::assertSame(['input'], array_keys($errors), $yaml);
      self::assertStringContainsString($expected, $errors['input']);
    }
    foreach (['publish' => 'payload', 'request' => 'input', 'decide' => 'decision'] as $name => $field) {
      self::assertArrayHasKey($field, $this->submit($this->action("ossa_{$name}_action"), [$field => 'a: [']));
    }
  }

  /**
   * YAML with tokens, casts, or one token for the whole is fine.
   */
  public function testGoodYamlIsFine(): void {
    foreach (['', 'a: "[node:title]"', "a: !int '[node:nid]'\nb: [x, y]", '"[message:payload]"'] as $yaml) {
      self::assertSame([], $this->submitInput($yaml), $yaml);
    }
    self::assertSame([], $this->submit($this->action('ossa_decide_action'), ['decision' => 'reject']));
  }

  /**
   * Channels and paths with mistakes are told at their fields.
   */
  public function testChannelsAndPathsWithMistakesAreTold(): void {
    self::assertArrayHasKey('channel', $this->submit($this->action('ossa_publish_action'), ['channel' => 'orders.*']));
    self::assertArrayHasKey('channel', $this->submit($this->event('channel_message'), ['channel' => 'a b']));
    self::assertArrayHasKey('output_field', $this->submit($this->condition(), ['output_field' => 'a..b']));
  }

  /**
   * Models with every plugin can be saved: their configuration has a schema.
   */
  public function testModelsOfAllPluginsHaveSchema(): void {
    foreach (self::EVENTS as $event) {
      $configuration = $event === 'channel_message' ? ['channel' => 'orders.#'] : ['task' => 'greet*'];
      $actions = array_map(NULL, array_keys(self::ACTIONS), self::ACTIONS);
      $this->model($event, $configuration, $actions, ['task_name' => 'a', 'negate' => TRUE]);
    }
    self::assertCount(count(self::EVENTS), Eca::loadMultiple());
  }

  /**
   * Fills the form of the task action.
   *
   * @param string $yaml
   *   The input.
   *
   * @return array<string, string>
   *   Errors by field.
   */
  private function submitInput(string $yaml): array {
    return $this->submit($this->action('ossa_task_action'), ['task_manifest' => 'greet', 'input' => $yaml]);
  }

  /**
   * All plugins of the module for ECA.
   *
   * @return iterable<string, array{\Drupal\Core\Plugin\PluginFormInterface&\Drupal\Component\Plugin\ConfigurableInterface, array<string, mixed>}>
   *   Plugins, and values that their forms need.
   */
  private function plugins(): iterable {
    foreach (self::EVENTS as $event) {
      yield $event => [$this->event($event), []];
    }
    yield 'condition' => [$this->condition(), []];
    foreach (self::ACTIONS as $id => $values) {
      yield $id => [$this->action($id), $values];
    }
  }

}
