<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Drush\Commands;

use Consolidation\AnnotatedCommand\CommandResult;
use Consolidation\OutputFormatters\StructuredData\RowsOfFields;
use Consolidation\OutputFormatters\StructuredData\UnstructuredData;
use Drupal\ossa_eca\Drush\AnswersTrait;
use Drupal\ossa_eca\Drush\RunText;
use Drupal\ossa_eca\Page\RunFilter;
use Drupal\ossa_eca\Page\Show;
use Drupal\ossa_eca\Page\Wording;
use Drupal\ossa_eca\Queue\Worker;
use Drupal\ossa_eca\Runs;
use Drupal\ossa_eca\RunsException;
use Drupal\ossa_eca\StartOptions;
use Drush\Attributes as CLI;
use Drush\Commands\DrushCommands;
use Ossa\Runtime\Run;
use Ossa\Runtime\RunSummary;
use Psr\Container\ContainerInterface;
use Symfony\Component\Console\Helper\Table;

/**
 * Commands for runs.
 */
final class RunCommands extends DrushCommands {

  use AnswersTrait;

  private const COLUMNS = [
    'id' => 'Run',
    'workflow' => 'Task or workflow',
    'status' => 'Status',
    'progress' => 'Progress',
    'current_step' => 'Step',
    'error' => 'Error',
    'labels' => 'Labels',
    'correlation_id' => 'Correlation id',
    'created_at' => 'Created',
    'updated_at' => 'Changed',
    'ended_at' => 'Ended',
  ];

  private const TABLE = ['id', 'workflow', 'status', 'error'];

  public function __construct(
    private readonly Runs $runs,
    private readonly Worker $worker,
    private readonly RunText $text,
  ) {
    parent::__construct();
  }

  /**
   * Makes the commands.
   *
   * @param \Psr\Container\ContainerInterface $container
   *   The container.
   */
  public static function create(ContainerInterface $container): self {
    return new self($container->get(Runs::class), $container->get(Worker::class), $container->get(RunText::class));
  }

  /**
   * Starts a task or workflow.
   *
   * @param string $manifest
   *   Name or file of the task or workflow.
   * @param array<string, mixed> $options
   *   The options.
   */
  #[CLI\Command(name: 'ossa:run')]
  #[CLI\Argument(name: 'manifest', description: 'Name of a task or workflow, or its file in a folder of manifests')]
  #[CLI\Option(name: 'input', description: 'The input as a JSON object; "-" reads it from the standard input')]
  #[CLI\Option(name: 'sync', description: 'Carry it out here until it ends or has to wait; without it queue workers do')]
  #[CLI\Option(name: 'priority', description: 'critical, high, normal or low')]
  #[CLI\Option(name: 'label', description: 'A label, NAME=VALUE; may be repeated')]
  #[CLI\Option(name: 'correlation-id', description: 'Joins the run with others')]
  #[CLI\Option(name: 'idempotency-key', description: 'A second start with the same key answers with the first run')]
  #[CLI\Option(name: 'uid', description: 'The user that the run is started for; 0 is anonymous')]
  #[CLI\Usage(name: 'drush ossa:run greet --input=\'{"name": "Ada"}\' --sync', description: 'Runs a task here and prints its output')]
  public function run(
    string $manifest,
    array $options = [
      'input' => '{}',
      'sync' => FALSE,
      'priority' => 'normal',
      'label' => [],
      'correlation-id' => self::REQ,
      'idempotency-key' => self::REQ,
      'uid' => '0',
      'format' => 'table',
    ],
  ): CommandResult|int {
    return $this->answer(function () use ($manifest, $options): CommandResult {
      $input = self::json((string) $options['input']);
      $start = new StartOptions(
        priority: (string) $options['priority'],
        idempotencyKey: $options['idempotency-key'] ?? NULL,
        correlationId: $options['correlation-id'] ?? NULL,
        labels: self::labels((array) $options['label']),
        uid: self::number('uid', $options['uid']),
      );
      $id = $options['sync'] === TRUE
        ? $this->runs->execute($manifest, $input, $start)->getId()
        : $this->runs->start($manifest, $input, $start);
      $run = $this->find($id);
      $exit = in_array($run->getStatus(), ['failed', 'canceled'], TRUE) ? self::EXIT_FAILURE : self::EXIT_SUCCESS;
      if ($options['format'] !== 'table') {
        return CommandResult::dataWithExitCode(new UnstructuredData(RunText::data($run)), $exit);
      }
      $this->output()->writeln($this->text->summary($run));
      if ($run->getOutput() !== NULL) {
        $this->output()->writeln(RunText::escape(Show::json($run->getOutput())));
      }
      return CommandResult::exitCode($exit);
    });
  }

  /**
   * Lists runs, newest first.
   *
   * @param array<string, mixed> $options
   *   The options.
   */
  #[CLI\Command(name: 'ossa:run:list')]
  #[CLI\Option(name: 'status', description: 'Only with this status; "in_flight" is all that have not ended')]
  #[CLI\Option(name: 'workflow', description: 'Only of this task or workflow')]
  #[CLI\Option(name: 'label', description: 'Only with this label, NAME=VALUE')]
  #[CLI\Option(name: 'after', description: 'The next page: id of the last run of the page before')]
  #[CLI\Option(name: 'limit', description: 'Length of the page')]
  #[CLI\FieldLabels(labels: self::COLUMNS)]
  #[CLI\DefaultTableFields(fields: self::TABLE)]
  #[CLI\Usage(name: 'drush ossa:run:list --status=failed', description: 'Lists runs that have failed')]
  public function list(
    array $options = [
      'status' => '',
      'workflow' => '',
      'label' => '',
      'after' => '',
      'limit' => '50',
      'format' => 'table',
    ],
  ): CommandResult|int {
    return $this->answer(function () use ($options): CommandResult {
      self::labels($options['label'] === '' ? [] : [$options['label']]);
      $filter = RunFilter::ofQuery($options)->toArray() + ['limit' => max(1, self::number('limit', $options['limit']))];
      return self::rows($this->runs->list($filter));
    });
  }

  /**
   * Shows a run: where it stands, its steps, and what happened when.
   *
   * @param string $run
   *   Id of the run.
   * @param array<string, mixed> $options
   *   The options.
   */
  #[CLI\Command(name: 'ossa:run:show')]
  #[CLI\Argument(name: 'run', description: 'Id of the run')]
  public function show(string $run, array $options = ['format' => 'table']): CommandResult|int {
    return $this->answer(function () use ($run, $options): CommandResult {
      $found = $this->find($run);
      if ($options['format'] !== 'table') {
        return CommandResult::data(new UnstructuredData(RunText::data($found)));
      }
      $this->output()->writeln($this->text->summary($found));
      foreach ($this->runs->why($run)['reasons'] as $reason) {
        $this->output()->writeln('  ' . RunText::escape($reason['text']));
      }
      $this->table(RunText::STEP_COLUMNS, $this->text->steps($found));
      $this->table(RunText::EVENT_COLUMNS, $this->text->events($found));
      foreach (['Input' => $found->getInput(), 'Output' => $found->getOutput()] as $title => $value) {
        if ($value !== NULL && $value !== []) {
          $this->output()->writeln($title . ': ' . RunText::escape(Show::json($value)));
        }
      }
      return CommandResult::exitCode(self::EXIT_SUCCESS);
    });
  }

  /**
   * Tries failed steps of a run again.
   *
   * @param string $run
   *   Id of the run.
   * @param array<string, mixed> $options
   *   The options.
   */
  #[CLI\Command(name: 'ossa:retry', aliases: ['ossa:run:retry'])]
  #[CLI\Argument(name: 'run', description: 'Id of the run')]
  #[CLI\Option(name: 'step', description: 'Id of the step; without it all that failed')]
  #[CLI\Option(name: 'reason', description: 'Kept in the timeline of the run')]
  public function retry(string $run, array $options = ['step' => self::REQ, 'reason' => '']): CommandResult|int {
    return $this->answer(function () use ($run, $options): int {
      $count = $this->runs->retry($run, $options['step'] ?? NULL, (string) $options['reason']);
      $this->logger()?->success(dt('Steps that are tried again: @count.', ['@count' => $count]));
      return self::EXIT_SUCCESS;
    });
  }

  /**
   * Cancels a run; steps that undo what was done are run first.
   *
   * @param string $run
   *   Id of the run.
   * @param array<string, mixed> $options
   *   The options.
   */
  #[CLI\Command(name: 'ossa:cancel', aliases: ['ossa:run:cancel'])]
  #[CLI\Argument(name: 'run', description: 'Id of the run')]
  #[CLI\Option(name: 'reason', description: 'Kept in the timeline of the run')]
  public function cancel(string $run, array $options = ['reason' => '']): CommandResult|int {
    return $this->answer(function () use ($run, $options): int {
      if (!$this->runs->cancel($run, (string) $options['reason'])) {
        throw new RunsException(sprintf('Run %s had ended already.', $run));
      }
      $this->logger()?->success(dt('Run @run is canceled.', ['@run' => $run]));
      return self::EXIT_SUCCESS;
    });
  }

  /**
   * Answers a step that waits for a person.
   *
   * @param string $run
   *   Id of the run.
   * @param string $step
   *   Id of the step.
   * @param string $answer
   *   The answer.
   * @param array<string, mixed> $options
   *   The options.
   */
  #[CLI\Command(name: 'ossa:decide', aliases: ['ossa:run:decide'])]
  #[CLI\Argument(name: 'run', description: 'Id of the run')]
  #[CLI\Argument(name: 'step', description: 'Id of the step')]
  #[CLI\Argument(name: 'answer', description: '"approve" or "reject", or the form of a human task as a JSON object')]
  #[CLI\Option(name: 'comment', description: 'Kept in the timeline of the run')]
  public function decide(string $run, string $step, string $answer, array $options = ['comment' => '']): CommandResult|int {
    return $this->answer(function () use ($run, $step, $answer, $options): int {
      $decision = in_array($answer, ['approve', 'reject'], TRUE) ? $answer : self::json($answer);
      $status = $this->runs->decide($run, $step, $decision, (string) $options['comment']);
      $this->logger()?->success(dt('Run @run is @status.', ['@run' => $run, '@status' => $status]));
      return self::EXIT_SUCCESS;
    });
  }

  /**
   * Removes runs that have ended, by the retention of the settings.
   *
   * @param array<string, mixed> $options
   *   The options.
   */
  #[CLI\Command(name: 'ossa:prune', aliases: ['ossa:run:prune'])]
  #[CLI\Option(name: 'dry-run', description: 'Only list them')]
  #[CLI\FieldLabels(labels: self::COLUMNS)]
  #[CLI\DefaultTableFields(fields: ['id', 'workflow', 'status', 'ended_at'])]
  public function prune(array $options = ['dry-run' => FALSE, 'format' => 'table']): CommandResult|int {
    return $this->answer(function () use ($options): CommandResult {
      $dry = $options['dry-run'] === TRUE;
      $removed = $this->runs->prune($dry);
      $this->logger()?->success($dry
        ? dt('Runs that would be removed: @count.', ['@count' => count($removed)])
        : dt('Runs that were removed: @count.', ['@count' => count($removed)]));
      return $removed === [] && $options['format'] === 'table' ? CommandResult::exitCode(self::EXIT_SUCCESS) : self::rows($removed);
    });
  }

  /**
   * Works off the steps of all queues, most urgent first.
   *
   * @param array<string, mixed> $options
   *   The options.
   */
  #[CLI\Command(name: 'ossa:work')]
  #[CLI\Option(name: 'time-limit', description: 'Seconds to work and to wait for more; 0 works off what is there')]
  #[CLI\Option(name: 'items-limit', description: 'At most so many steps; 0 for any number')]
  #[CLI\Usage(name: 'drush ossa:work --time-limit=3600', description: 'A worker for an hour, until SIGTERM: let systemd or Supervisor start the next')]
  public function work(array $options = ['time-limit' => '0', 'items-limit' => '0']): CommandResult|int {
    return $this->answer(function () use ($options): int {
      $done = $this->worker->run((float) self::number('time-limit', $options['time-limit']), self::number('items-limit', $options['items-limit']));
      $this->logger()?->success(dt('Steps that were worked off: @count.', ['@count' => $done]));
      return self::EXIT_SUCCESS;
    });
  }

  /**
   * Prints a table.
   *
   * @param list<string> $columns
   *   Its header.
   * @param list<list<string>> $rows
   *   Its rows.
   */
  private function table(array $columns, array $rows): void {
    $this->output()->writeln('');
    (new Table($this->output()))->setStyle('compact')->setHeaders($columns)->setRows($rows)->render();
  }

  /**
   * A run that is to be there.
   *
   * @param string $id
   *   Its id.
   */
  private function find(string $id): Run {
    return $this->runs->get($id) ?? throw new RunsException(sprintf('There is no run %s. "drush ossa:run:list" shows those there are.', $id));
  }

  /**
   * Runs as rows.
   *
   * @param list<\Ossa\Runtime\RunSummary> $runs
   *   The runs.
   */
  private static function rows(array $runs): CommandResult {
    return CommandResult::data(new RowsOfFields(array_map(static fn (RunSummary $run): array => [
      'id' => $run->getId(),
      'workflow' => $run->getWorkflow(),
      'status' => $run->getStatus(),
      'progress' => $run->getProgress(),
      'current_step' => $run->getCurrentStep(),
      'error' => $run->getError(),
      'labels' => Wording::labels($run->getLabels()),
      'correlation_id' => $run->getCorrelationId(),
      'created_at' => self::date($run->getCreatedAt()),
      'updated_at' => self::date($run->getUpdatedAt()),
      'ended_at' => self::date($run->getEndedAt()),
    ], $runs)));
  }

  /**
   * A JSON object of an argument.
   *
   * @param string $json
   *   JSON; "-" reads the standard input.
   *
   * @return array<string, mixed>
   *   The object.
   */
  private static function json(string $json): array {
    try {
      $input = json_decode($json === '-' ? (string) stream_get_contents(\STDIN) : $json, TRUE, 512, \JSON_THROW_ON_ERROR);
    }
    catch (\JsonException $exception) {
      throw new \InvalidArgumentException(sprintf('This is no JSON: %s. Write a JSON object, such as \'{"name": "Ada"}\'.', $exception->getMessage()), 0, $exception);
    }
    return is_array($input) && ($input === [] || !array_is_list($input)) ? $input : throw new \InvalidArgumentException('Write a JSON object, such as \'{"name": "Ada"}\'.');
  }

  /**
   * Labels of options.
   *
   * @param array<mixed> $options
   *   Each NAME=VALUE.
   *
   * @return array<string, string>
   *   Values by name.
   */
  private static function labels(array $options): array {
    $labels = [];
    foreach ($options as $option) {
      [$name, $value] = explode('=', (string) $option, 2) + [1 => NULL];
      if ($name === '' || $value === NULL) {
        throw new \InvalidArgumentException(sprintf('"%s" is no label. Write NAME=VALUE.', $option));
      }
      $labels[$name] = $value;
    }
    return $labels;
  }

  /**
   * A number of an option.
   *
   * @param string $name
   *   Name of the option.
   * @param mixed $value
   *   Its value.
   */
  private static function number(string $name, mixed $value): int {
    return is_scalar($value) && ctype_digit((string) $value) ? (int) $value : throw new \InvalidArgumentException(sprintf('--%s takes a whole number from 0.', $name));
  }

}
