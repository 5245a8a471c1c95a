<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Kernel\Eca;

use Drupal\Core\Config\Action\ConfigActionException;
use Drupal\Core\Recipe\Recipe;
use Drupal\Core\Recipe\RecipeRunner;
use Drupal\eca\Entity\Eca;
use Drupal\modeler_api\Api;
use Drupal\modeler_api\TemplateTokenResolver;
use Drupal\node\Entity\Node;
use Drupal\node\Entity\NodeType;
use Drupal\ossa_eca\Event\OssaEvents;
use Drupal\ossa_eca\Event\TaskRequestedEvent;
use Drupal\ossa_eca\Outcome\Deliveries;
use Drupal\ossa_eca\Queue\StepRelay;
use Drupal\user\Entity\User;

/**
 * The examples of the recipe do what they say, from event to event.
 *
 * @group ossa_eca
 */
final class ExamplesTest extends EcaKernelTestBase {

  private const MODELS = ['ossa_failure_alert', 'ossa_moderation', 'ossa_publish_notify', 'ossa_task_execute'];

  /**
   * {@inheritdoc}
   *
   * @var list<string>
   */
  protected static $modules = ['text', 'filter', 'node', 'eca_content', 'eca_log', 'eca_user'];

  /**
   * {@inheritdoc}
   */
  protected function setUp(): void {
    // ECA 3.0 has no schema for where it keeps the label of a model.
    $this->strictConfigSchema = !class_exists(Api::class) || class_exists(TemplateTokenResolver::class);
    parent::setUp();
    $this->installEntitySchema('node');
    $this->installSchema('node', ['node_access']);
    $this->installConfig(['system', 'node']);
    User::create(['uid' => 0, 'name' => ''])->save();
    User::create(['uid' => 1, 'name' => 'admin'])->save();
    NodeType::create(['type' => 'page', 'name' => 'Page'])->save();
    RecipeRunner::processRecipe(Recipe::createFromDirectory(dirname(__DIR__, 4) . '/recipes/ossa_eca_examples'));
  }

  /**
   * The recipe adds models with labels, and to what the settings have.
   */
  public function testRecipeAddsModelsAndKeepsWhatIsThere(): void {
    $models = Eca::loadMultiple();
    self::assertSame(self::MODELS, array_keys($models));
    self::assertSame('Execute OSSA Task', (string) $models['ossa_task_execute']->label());
    $settings = $this->config('ossa_eca.settings');
    self::assertSame(['module://ossa_eca_test/manifests', 'module://ossa_eca/recipes/ossa_eca_examples/manifests'], $settings->get('manifest_paths'));
    self::assertSame(['eca_write_log_message'], $settings->get('plugins'));
  }

  /**
   * It can be applied again, and leaves models that were changed alone.
   */
  public function testRecipeCanBeAppliedAgain(): void {
    Eca::load('ossa_moderation')?->disable()->save();
    RecipeRunner::processRecipe(Recipe::createFromDirectory(dirname(__DIR__, 4) . '/recipes/ossa_eca_examples'));
    self::assertFalse(Eca::load('ossa_moderation')?->status());
    self::assertCount(2, $this->config('ossa_eca.settings')->get('manifest_paths'));
  }

  /**
   * Its actions for configuration refuse what they are not for.
   */
  public function testConfigActionsRefuseWhatTheyAreNotFor(): void {
    foreach ([
      ['ossaEcaAdd', 'ossa_eca.settings', ['store' => ['dsn' => '']]],
      ['ossaEcaAdd', 'system.site', ['plugins' => []]],
      ['ossaEcaModel', 'eca.eca.nameless', ['events' => []]],
      ['ossaEcaModel', 'system.site', ['label' => 'x']],
    ] as [$action, $name, $value]) {
      try {
        $this->container->get('plugin.manager.config_action')->applyAction($action, $name, $value);
        self::fail("$action $name");
      }
      catch (ConfigActionException $exception) {
        self::assertStringContainsString($action, $exception->getMessage());
      }
    }
  }

  /**
   * Published content is told of, once.
   */
  public function testPublishedContentIsToldOfOnce(): void {
    $node = $this->node('A & <b> [site:name]', TRUE);
    $node->save();
    $this->settle();
    self::assertSame(['Published: A & <b> [site:name]'], $this->notices());
    self::assertSame(['completed' => 1], $this->statuses('notify'));
  }

  /**
   * Content is published when its review is approved, and not before.
   */
  public function testApprovedContentIsPublished(): void {
    $node = $this->node('Draft', FALSE);
    $this->settle();
    $run = $this->runs()->list(['workflow' => 'review'])[0];
    self::assertSame('waiting', $run->getStatus());
    self::assertSame(["To be decided: Draft (run {$run->getId()}, step decide)"], $this->notices());
    self::assertFalse(Node::load($node->id())?->isPublished());

    $this->runs()->decide($run->getId(), 'decide', 'approve');
    $this->settle();
    self::assertTrue($this->reload($node)?->isPublished());
    self::assertSame('Published: Draft', $this->notices()[1]);
    self::assertSame(0, (int) $this->container->get('current_user')->id());
  }

  /**
   * Refused content stays unpublished, and that is told.
   */
  public function testRefusedContentStaysUnpublished(): void {
    $node = $this->node('Draft', FALSE);
    $this->settle();
    $this->runs()->decide($this->runs()->list(['workflow' => 'review'])[0]->getId(), 'decide', 'reject');
    $this->settle();
    self::assertFalse($this->reload($node)?->isPublished());
    self::assertSame('Not to be published: Draft', $this->notices()[1]);
  }

  /**
   * A failure is published as an alert, which is told.
   */
  public function testFailedTaskIsAlerted(): void {
    $event = new TaskRequestedEvent('flaky', ['failures' => 9, 'how' => 'permanent']);
    $this->container->get('event_dispatcher')->dispatch($event, OssaEvents::TASK_EXECUTE);
    self::assertCount(1, $event->runs());
    $this->settle();
    self::assertSame(["flaky failed: never (TEST_PERMANENT, run {$event->runs()[0]})"], $this->notices());
  }

  /**
   * Code asks for a task, and finds its output by the run that it is told.
   */
  public function testCodeAsksForTask(): void {
    $event = $this->ask('greet', ['name' => 'Ada'], 'c-1');
    $this->settle();
    $run = $this->runs()->get($event->runs()[0]);
    self::assertSame('completed', $run?->getStatus());
    self::assertSame('Hello Ada', $run->getOutput()['greeting']);
    self::assertSame('c-1', $run->getCorrelationId());
    self::assertSame('ossa_task_execute', $run->getLabels()['eca_model']);
  }

  /**
   * A model asks for a task as code does.
   */
  public function testModelAsksForTask(): void {
    $this->model('channel_message', ['channel' => 'orders.placed'], [
      ['ossa_request_action', ['task' => 'greet', 'input' => '"[message:payload]"', 'token_name' => 'asked']],
      self::note('[asked]'),
    ]);
    $this->runs()->publish('orders.placed', ['name' => 'Ada']);
    $this->settle();
    self::assertSame('Hello Ada', $this->runs()->get((string) $this->noted())?->getOutput()['greeting']);
  }

  /**
   * A name that is no task is told in the log, and breaks nothing.
   */
  public function testRequestForNoTaskIsLogged(): void {
    self::assertSame([], $this->ask('no-such-task')->runs());
    self::assertStringContainsString('no-such-task', implode("\n", $this->log->of('error')));
  }

  /**
   * Saves content.
   *
   * @param string $title
   *   Its title.
   * @param bool $published
   *   Whether it is published.
   */
  private function node(string $title, bool $published): Node {
    $node = Node::create(['type' => 'page', 'title' => $title, 'status' => $published, 'uid' => 0]);
    $node->save();
    return $node;
  }

  /**
   * Content as it is now.
   *
   * @param \Drupal\node\Entity\Node $node
   *   The content as it was.
   */
  private function reload(Node $node): ?Node {
    $this->container->get('entity_type.manager')->getStorage('node')->resetCache();
    return Node::load($node->id());
  }

  /**
   * Has workers do all there is to do.
   */
  private function settle(): void {
    do {
      // What was started while content was saved is queued after the request.
      $this->service(StepRelay::class)->destruct();
      $done = count($this->work()) + $this->service(Deliveries::class)->handOn();
    } while ($done > 0);
  }

  /**
   * What was told.
   *
   * @return list<string>
   *   The texts.
   */
  private function notices(): array {
    return array_values(array_filter($this->log->of('notice'), static fn (string $line): bool => preg_match('/^(Published|To be decided|Not to be published|\S+ failed): /', $line) === 1));
  }

  /**
   * How many runs there are in each status.
   *
   * @param string $workflow
   *   The workflow.
   *
   * @return array<string, int>
   *   Numbers by status.
   */
  private function statuses(string $workflow): array {
    return array_count_values(array_map(static fn ($run): string => $run->getStatus(), $this->runs()->list(['workflow' => $workflow])));
  }

}
