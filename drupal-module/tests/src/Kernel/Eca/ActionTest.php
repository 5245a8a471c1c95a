<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Kernel\Eca;

use Drupal\Core\Access\AccessResult;
use Drupal\Core\Session\AnonymousUserSession;
use Drupal\Core\Session\UserSession;
use Drupal\ossa_eca\Eca\ActionFailure;
use Drupal\ossa_eca\Eca\Data;
use Drupal\ossa_eca\Eca\InputYaml;
use Drupal\ossa_eca\Engine\EngineProvider;
use Drupal\ossa_eca\Outcome\Deliveries;
use Drupal\user\Entity\User;

/**
 * Actions start and steer runs, and say what went wrong.
 *
 * @group ossa_eca
 */
final class ActionTest extends EcaKernelTestBase {

  private const IDS = [
    'ossa_task_action',
    'ossa_workflow_action',
    'ossa_request_action',
    'ossa_publish_action',
    'ossa_decide_action',
    'ossa_cancel_action',
  ];

  /**
   * Models act for everybody; nothing but ECA offers the actions.
   */
  public function testActionsAreForModelsAndForEveryAccount(): void {
    foreach (self::IDS as $id) {
      $action = $this->action($id);
      self::assertTrue($action->access(NULL, new AnonymousUserSession()), $id);
      self::assertEquals(AccessResult::allowed(), $action->access(NULL, new UserSession(['uid' => 1]), TRUE), $id);
      self::assertFalse($action::externallyAvailable(), $id);
    }
  }

  /**
   * A task that is run now gives its run and its result.
   */
  public function testTaskThatIsRunNowGivesItsResult(): void {
    $this->tokens()->addTokenData('who', Data::token(['name' => 'Ada & <Co>']));
    $this->execute('ossa_task_action', [
      'task_manifest' => 'greet',
      'input' => 'name: "[who:name]"',
      'mode' => 'sync',
      'run_token' => 'my_run',
      'result_token' => 'my_result',
    ]);
    self::assertSame('Hello Ada & <Co>', $this->text('[my_result:greeting]'));
    self::assertSame('completed greet Hello Ada & <Co>', $this->text('[my_run:status] [my_run:workflow] [my_run:output:greeting]'));
    self::assertSame('completed', $this->runs()->get($this->text('[my_run:id]'))?->getStatus());
    self::assertSame($this->text('[my_run:id]'), $this->text('[my_run]'));
  }

  /**
   * A queued task is carried out by a worker, later.
   */
  public function testQueuedTaskIsCarriedOutByWorker(): void {
    $this->execute('ossa_task_action', [
      'task_manifest' => 'greet',
      'input' => 'name: Ada',
      'run_token' => 'my_run',
      'priority' => 'high',
    ]);
    self::assertSame('pending', $this->text('[my_run:status]'));
    self::assertSame(['ossa_step:high'], $this->work());
    self::assertSame('completed', $this->runs()->get($this->text('[my_run:id]'))?->getStatus());
  }

  /**
   * A workflow is started alike.
   */
  public function testWorkflowIsStarted(): void {
    $this->execute('ossa_workflow_action', [
      'workflow_manifest' => 'greet-twice',
      'input' => 'name: Ada',
      'mode' => 'sync',
      'result_token' => 'said',
    ]);
    self::assertSame('Hello Hello Ada', $this->text('[said:said]'));
  }

  /**
   * An action for tasks starts no workflow.
   */
  public function testTaskActionStartsNoWorkflow(): void {
    $this->execute('ossa_task_action', ['task_manifest' => 'greet-twice', 'error_token' => 'oops']);
    self::assertNotSame('', $this->text('[oops:code]'));
    self::assertSame([], $this->runs()->list());
  }

  /**
   * A task that fails fills the error token and the log, with run and step.
   */
  public function testFailingTaskFillsErrorTokenAndLog(): void {
    $this->execute('ossa_task_action', [
      'task_manifest' => 'flaky',
      'input' => "failures: 9\nhow: permanent",
      'mode' => 'sync',
      'run_token' => 'my_run',
      'error_token' => 'oops',
    ]);
    $run = $this->runs()->list()[0]->getId();
    self::assertSame("TEST_PERMANENT never $run", $this->text('[oops:code] [oops:message] [oops:run]'));
    self::assertSame('never', $this->text('[oops]'));
    self::assertSame('failed TEST_PERMANENT', $this->text('[my_run:status] [my_run:error:code]'));
    $line = sprintf('run %s, step %s: never (TEST_PERMANENT)', $run, $this->text('[oops:step]'));
    self::assertNotSame('', $this->text('[oops:step]'));
    self::assertStringContainsString($line, implode("\n", $this->log->of('error')));
  }

  /**
   * The error token of a failure is gone when the action succeeds.
   */
  public function testErrorTokenIsEmptyAfterSuccess(): void {
    $failing = ['task_manifest' => 'no-such-task', 'error_token' => 'oops'];
    $this->execute('ossa_task_action', $failing);
    self::assertStringContainsString('no-such-task', $this->text('[oops:message]'));
    $this->execute('ossa_task_action', ['task_manifest' => 'greet', 'input' => 'name: Ada'] + $failing);
    self::assertFalse($this->tokens()->hasTokenData('oops'));
  }

  /**
   * Without an error token, a failure is an exception, never an error of PHP.
   */
  public function testFailureWithoutErrorTokenIsAnException(): void {
    $cases = [
      ['ossa_task_action', ['task_manifest' => '']],
      ['ossa_task_action', ['task_manifest' => '../../settings.php']],
      ['ossa_task_action', ['task_manifest' => 'greet', 'input' => 'name: 7']],
      ['ossa_task_action', ['task_manifest' => 'greet', 'input' => "a: [\n"]],
      ['ossa_task_action', ['task_manifest' => 'greet', 'input' => 'just text']],
      ['ossa_task_action', ['task_manifest' => 'greet', 'input' => 'name: x', 'priority' => 'urgent']],
      ['ossa_task_action', ['task_manifest' => 'greet', 'input' => 'name: x', 'idempotency_key' => '[no:token]']],
      ['ossa_task_action', ['task_manifest' => 'unbound', 'mode' => 'sync']],
      ['ossa_task_action', ['task_manifest' => 'flaky', 'input' => "failures: 9\nhow: error", 'mode' => 'sync']],
      ['ossa_workflow_action', ['workflow_manifest' => 'no-such-workflow']],
      ['ossa_request_action', ['task' => 'nobody-listens']],
      ['ossa_publish_action', ['channel' => 'not a channel']],
      ['ossa_decide_action', ['run' => 'no-such-run', 'step' => 'x']],
      ['ossa_cancel_action', ['run' => '[no:token]']],
    ];
    foreach ($cases as [$id, $configuration]) {
      try {
        $this->action($id, $configuration)->execute();
        // A failed attempt that is tried again is no failure yet.
        self::assertSame('flaky', $configuration['task_manifest'] ?? $id);
      }
      catch (ActionFailure $failure) {
        self::assertNotSame('', $failure->getMessage());
        self::assertNotSame('', $failure->errorCode);
      }
    }
  }

  /**
   * The input is typed data: whole tokens, casts, and text with its markup.
   */
  public function testInputIsTypedData(): void {
    $order = ['nr' => 7, 'lineItems' => [['sku' => 'a']], 'title' => '"x": [y]'];
    $this->tokens()->addTokenData('order', Data::token($order));
    $this->execute('ossa_task_action', [
      'task_manifest' => 'flaky',
      'input' => implode("\n", [
        'failures: 0',
        'whole: "[order]"',
        'lines: "[order:lineItems]"',
        'sku: "[order:lineItems:0:sku]"',
        'nr: "[order:nr]"',
        'text: "Nr. [order:nr]"',
        'cast: !int "[order:nr]"',
        'half: !float "0.5"',
        'yes: !bool "on"',
        'empty: !int "[no:token]"',
        'title: "[order:title]"',
        'none: "[no:token]"',
        '"key-[order:nr]": 1',
      ]),
      'mode' => 'sync',
      'run_token' => 'my_run',
    ]);
    self::assertSame([
      'failures' => 0,
      'whole' => $order,
      'lines' => [['sku' => 'a']],
      'sku' => 'a',
      'nr' => 7,
      'text' => 'Nr. 7',
      'cast' => 7,
      'half' => 0.5,
      'yes' => TRUE,
      'empty' => NULL,
      'title' => '"x": [y]',
      'none' => '',
      'key-7' => 1,
    ], $this->runs()->get($this->text('[my_run:id]'))?->getInput());
  }

  /**
   * An entity is given to a task as a reference.
   */
  public function testEntityIsGivenAsReference(): void {
    $user = User::create(['name' => 'ada']);
    $user->save();
    $this->tokens()->addTokenData('account', $user);
    $this->execute('ossa_task_action', [
      'task_manifest' => 'flaky',
      'input' => 'entity: "[account]"',
      'run_token' => 'my_run',
    ]);
    $input = $this->runs()->get($this->text('[my_run:id]'))?->getInput();
    self::assertSame(['user', $user->id()], [$input['entity']['type'], (string) $input['entity']['id']]);
  }

  /**
   * The same key starts one run.
   */
  public function testTaskIsStartedOncePerKey(): void {
    foreach ([1, 2] as $time) {
      $this->execute('ossa_task_action', [
        'task_manifest' => 'greet',
        'input' => 'name: Ada',
        'idempotency_key' => 'order-1',
        'run_token' => 'run' . $time,
      ]);
    }
    self::assertSame($this->text('[run1:id]'), $this->text('[run2:id]'));
  }

  /**
   * A task that is run now leaves the tokens of the model as they are.
   */
  public function testTokensOfTheModelSurviveTaskThatIsRunNow(): void {
    $this->setting('plugins', ['action_message_action']);
    $this->tokens()->addTokenData('kept', Data::token(['a' => 'b']));
    $this->execute('ossa_task_action', ['task_manifest' => 'say', 'input' => 'name: Ada', 'mode' => 'sync']);
    self::assertSame('b', $this->text('[kept:a]'));
    self::assertSame('', $this->text('[input:name]'));
  }

  /**
   * An engine that cannot be used is an error like others, with what to do.
   */
  public function testEngineThatCannotBeUsedIsAnErrorLikeOthers(): void {
    $GLOBALS['config']['ossa_eca.settings']['store']['dsn'] = 'ftp://nowhere';
    $this->container->get('config.factory')->reset('ossa_eca.settings');
    $this->service(EngineProvider::class)->reset();
    self::assertStringContainsString('ftp', (string) $this->service(EngineProvider::class)->problem());
    $run = '01a2009c-db97-7776-bada-1a8bf38950c4';
    foreach (['task' => ['task_manifest' => 'greet'], 'publish' => ['channel' => 'a'], 'cancel' => ['run' => $run]] as $name => $configuration) {
      $this->execute("ossa_{$name}_action", $configuration + ['error_token' => 'oops']);
      self::assertStringContainsString('ftp', $this->text('[oops:message]'), $name);
    }
    // A model can be edited even then.
    self::assertSame([], $this->submit($this->action('ossa_task_action'), ['task_manifest' => 'greet']));
  }

  /**
   * A message is published once per id, with its payload.
   */
  public function testMessageIsPublishedOncePerId(): void {
    $this->model('channel_message', ['channel' => 'orders.#'], [self::note('[message:source] [message:type] [message:payload:nr]')]);
    foreach ([1, 2] as $nr) {
      $this->execute('ossa_publish_action', [
        'channel' => 'orders.placed',
        'payload' => "nr: $nr",
        'type' => 'placed',
        'source' => 'shop',
        'message_id' => 'order-1',
        'token_name' => 'sent',
      ]);
    }
    self::assertSame('order-1', $this->text('[sent]'));
    self::assertSame(1, $this->service(Deliveries::class)->handOn());
    self::assertSame('shop placed 1', $this->noted());
  }

  /**
   * A waiting step is decided, and the run goes on.
   */
  public function testWaitingStepIsDecided(): void {
    $id = $this->runs()->start('ask-first');
    $this->tokens()->addTokenData('my_run', Data::token(['id' => $id]));
    $decide = ['run' => '[my_run:id]', 'step' => 'approve', 'comment' => 'fine', 'error_token' => 'oops'];
    $this->execute('ossa_decide_action', ['decision' => 'perhaps'] + $decide);
    self::assertNotSame('', $this->text('[oops:message]'));
    $this->execute('ossa_decide_action', ['decision' => 'approve'] + $decide);
    self::assertSame('', $this->text('[oops:message]'));
    $this->work();
    self::assertSame('completed', $this->runs()->get($id)?->getStatus());
    $this->execute('ossa_decide_action', ['decision' => 'approve'] + $decide);
    self::assertSame("$id approve", $this->text('[oops:run] [oops:step]'));
  }

  /**
   * A run is canceled; one that has ended stays as it is.
   */
  public function testRunIsCanceled(): void {
    $id = $this->runs()->start('ask-first');
    foreach ([1, 2] as $time) {
      $this->execute('ossa_cancel_action', ['run' => $id, 'reason' => 'not wanted']);
      self::assertSame('canceled', $this->runs()->get($id)?->getStatus(), (string) $time);
    }
  }

  /**
   * Carries out an action.
   *
   * @param string $id
   *   Id of the plugin.
   * @param array<string, mixed> $configuration
   *   Its configuration.
   */
  private function execute(string $id, array $configuration): void {
    $this->action($id, $configuration)->execute();
  }

  /**
   * Text with its tokens replaced.
   *
   * @param string $text
   *   The text.
   */
  private function text(string $text): string {
    return InputYaml::text($text, $this->tokens());
  }

}
