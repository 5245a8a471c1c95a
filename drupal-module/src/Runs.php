<?php

declare(strict_types=1);

namespace Drupal\ossa_eca;

use Drupal\Core\Session\AccountProxyInterface;
use Drupal\ossa_eca\Engine\EngineProvider;
use Drupal\ossa_eca\Engine\ManifestRoots;
use Drupal\ossa_eca\Execution\RunAtOnce;
use Drupal\ossa_eca\Outcome\Subscriptions;
use Drupal\ossa_eca\Queue\StepRelay;
use Ossa\Runtime\Engine;
use Ossa\Runtime\Manifest;
use Ossa\Runtime\Operator;
use Ossa\Runtime\Run;
use Ossa\Runtime\StartedRun;

/**
 * Runs of tasks and workflows: the only door for plugins, pages and commands.
 *
 * Every method throws exceptions only, never errors:
 * - \Drupal\ossa_eca\Engine\EngineUnavailableException when the extension is
 *   missing or too old, or a setting is wrong;
 * - \Drupal\ossa_eca\RunsException when what is asked cannot be done;
 * - \Ossa\Runtime\Exception\ExceptionInterface as the methods say; it has a
 *   code, and a hint of what to do.
 *
 * What it changes while a transaction of the site is open is committed, or
 * rolled back, with it.
 */
final readonly class Runs {

  /**
   * States of runs that have not ended.
   */
  public const IN_FLIGHT = ['pending', 'running', 'waiting', 'paused', 'quarantined'];

  public function __construct(
    private EngineProvider $engines,
    private ManifestRoots $roots,
    private StepRelay $relay,
    private RunAtOnce $atOnce,
    private Subscriptions $subscriptions,
    private AccountProxyInterface $currentUser,
    private Retention $retention,
  ) {}

  /**
   * Starts a run; queue workers carry it out.
   *
   * @param string $manifest
   *   Name of a task or workflow, or its file below a folder of manifests.
   * @param array<string, mixed> $input
   *   The input.
   * @param \Drupal\ossa_eca\StartOptions $options
   *   How it is started.
   *
   * @return string
   *   The id of the run. Durable when the method returns, or with the
   *   transaction that is open.
   *
   * @throws \Ossa\Runtime\Exception\ManifestException
   *   When the manifest is missing, outside the folders, or invalid.
   * @throws \Ossa\Runtime\Exception\InputException
   *   When the input breaks the schema of the manifest.
   * @throws \Ossa\Runtime\Exception\StoreException
   *   When the store cannot be reached.
   */
  public function start(string $manifest, array $input = [], StartOptions $options = new StartOptions()): string {
    return $this->guard(function () use ($manifest, $input, $options): string {
      [$started, $queued] = $this->engines->together(fn (): array => [
        $this->begin($this->engines->engine(), $manifest, $input, $options),
        $this->relay->drainWithin(),
      ]);
      if (!$queued) {
        $this->relay->drain();
      }
      return $started->getId();
    });
  }

  /**
   * Starts a run and carries it out here until it ends, or has to wait.
   *
   * It has to wait for people, for events, for the delay of a retry, and for
   * steps that another worker has taken. Queue workers go on with it then.
   *
   * @param string $manifest
   *   As of start().
   * @param array<string, mixed> $input
   *   The input.
   * @param \Drupal\ossa_eca\StartOptions $options
   *   How it is started.
   *
   * @return \Ossa\Runtime\Run
   *   The run as it is then. One that failed is returned as well: look at its
   *   status and error.
   *
   * @throws \Ossa\Runtime\Exception\ExceptionInterface
   *   As start().
   */
  public function execute(string $manifest, array $input = [], StartOptions $options = new StartOptions()): Run {
    return $this->guard(function () use ($manifest, $input, $options): Run {
      $started = $this->atOnce->run(fn (Engine $engine): StartedRun => $this->begin($engine, $manifest, $input, $options));
      return $this->must($started->getId());
    });
  }

  /**
   * A run with its steps, output, error and timeline.
   *
   * @param string $id
   *   Id of the run.
   *
   * @return \Ossa\Runtime\Run|null
   *   NULL when there is none.
   */
  public function get(string $id): ?Run {
    return $this->guard(fn (): ?Run => $this->engines->engine()->run($id));
  }

  /**
   * Runs, newest first.
   *
   * @param array<string, mixed> $filter
   *   Keys, all optional: status (one or a list), workflow, correlation_id,
   *   labels (all of these), created_from, created_before, updated_from,
   *   updated_before (milliseconds since the Unix epoch), after (id of the
   *   last run of the page before), limit (50 by default).
   *
   * @return list<\Ossa\Runtime\RunSummary>
   *   The runs.
   */
  public function list(array $filter = []): array {
    return $this->guard(fn (): array => $this->engines->engine()->runs($filter + ['limit' => 50]));
  }

  /**
   * Counts runs that have not ended.
   *
   * @param int $most
   *   Where to stop counting.
   *
   * @return int
   *   How many there are, at most $most.
   */
  public function countInFlight(int $most = 1000): int {
    return count($this->list(['status' => self::IN_FLIGHT, 'limit' => $most]));
  }

  /**
   * In words, what a run waits for, or why it ended.
   *
   * @param string $id
   *   Id of the run.
   *
   * @return array<string, mixed>
   *   Keys: run, workflow, status, progress (0-100), reasons: list of arrays
   *   with code, text and, where they apply, step and until (milliseconds).
   *
   * @throws \Ossa\Runtime\Exception\EngineException
   *   When the run is unknown.
   */
  public function why(string $id): array {
    return $this->guard(fn (): array => $this->engines->engine()->why($id));
  }

  /**
   * Tries failed steps again with new attempts; reopens a run that failed.
   *
   * @param string $id
   *   Id of the run.
   * @param string|null $step
   *   Id or address of the step; NULL is all that failed.
   * @param string $reason
   *   For the timeline.
   *
   * @return int
   *   How many steps are tried again.
   *
   * @throws \Drupal\ossa_eca\RunsException
   *   When there is no such run, or no step of it has failed.
   * @throws \Ossa\Runtime\Exception\EngineException
   *   When this step is unknown or has not failed.
   */
  public function retry(string $id, ?string $step = NULL, string $reason = ''): int {
    return $this->guard(function () use ($id, $step, $reason): int {
      $count = 0;
      foreach ($step === NULL ? $this->failedSteps($id) : [$step] as $failed) {
        // A block that is tried again takes the steps within it along.
        if ($count === 0 || in_array($failed, RunSteps::failed($this->must($id)), TRUE)) {
          $this->operator()->retryStep($id, $failed, $reason);
          ++$count;
        }
      }
      $this->relay->drainAll();
      return $count;
    });
  }

  /**
   * Cancels a run; steps that undo what was done are run first.
   *
   * @param string $id
   *   Id of the run.
   * @param string $reason
   *   For the timeline.
   *
   * @return bool
   *   FALSE when it had ended already.
   *
   * @throws \Ossa\Runtime\Exception\EngineException
   *   When the run is unknown.
   */
  public function cancel(string $id, string $reason = ''): bool {
    return $this->guard(function () use ($id, $reason): bool {
      $canceled = $this->operator()->cancel($id, $reason);
      $this->relay->drainAll();
      return $canceled;
    });
  }

  /**
   * Answers a step that waits for a person.
   *
   * @param string $id
   *   Id of the run.
   * @param string $step
   *   Id of the step.
   * @param mixed $decision
   *   The form of a human task as an array, or "approve" or "reject".
   * @param string $comment
   *   For the timeline.
   *
   * @return string
   *   Status of the run after it.
   *
   * @throws \Ossa\Runtime\Exception\EngineException
   *   When the run or step is unknown, the step does not wait for this any
   *   more, or the answer does not fit its form.
   */
  public function decide(string $id, string $step, mixed $decision, string $comment = ''): string {
    return $this->guard(function () use ($id, $step, $decision, $comment): string {
      $status = $this->operator()->decide($id, $step, $decision, $comment);
      $this->relay->drainAll();
      return $status;
    });
  }

  /**
   * Sends an event to a run.
   *
   * It answers every step that waits for it, or is kept for the next that will.
   *
   * @param string $id
   *   Id of the run.
   * @param string $name
   *   Name of the event.
   * @param array<string, mixed> $payload
   *   What it carries.
   *
   * @return string
   *   Status of the run after it.
   *
   * @throws \Ossa\Runtime\Exception\EngineException
   *   When the run is unknown or takes no such event.
   */
  public function signal(string $id, string $name, array $payload = []): string {
    return $this->guard(function () use ($id, $name, $payload): string {
      $status = $this->engines->engine()->signal($id, $name, $payload);
      $this->relay->drainAll();
      return $status;
    });
  }

  /**
   * Publishes a message on a channel.
   *
   * @param string $channel
   *   Name of the channel.
   * @param array<array-key, mixed> $payload
   *   What it carries.
   * @param string $source
   *   Who publishes it.
   * @param array<string, mixed> $options
   *   Keys, all optional: id (the same id is published once), type,
   *   correlation_id, priority, ttl_seconds, headers.
   *
   * @return string
   *   Id of the message.
   *
   * @throws \Ossa\Runtime\Exception\InputException
   *   When the payload breaks the schema that the source declares.
   * @throws \Ossa\Runtime\Exception\ArgumentException
   *   When the channel, source or an option is wrong.
   */
  public function publish(string $channel, array $payload, string $source = 'drupal', array $options = []): string {
    return $this->guard(function () use ($channel, $payload, $source, $options): string {
      $this->subscriptions->register();
      return $this->engines->engine()->channels()->publish($channel, $payload, $source, $options)['id'];
    });
  }

  /**
   * Looks for what is wrong in a manifest.
   *
   * @param string $manifest
   *   A name, or a file in a folder of manifests.
   *
   * @return list<\Ossa\Runtime\Manifest>
   *   One for each document, with its diagnostics, valid or not.
   *
   * @throws \Drupal\ossa_eca\RunsException
   *   When there is no such manifest.
   */
  public function validate(string $manifest): array {
    return $this->guard(function () use ($manifest): array {
      $this->engines->engine();
      $file = $this->roots->file($manifest);
      $found = $file !== NULL
        ? Manifest::load($file, ['level' => $this->engines->level()])
        : array_values(array_filter($this->engines->engine()->manifests(), static fn (Manifest $each): bool => $each->getName() === $manifest));
      return $found !== [] ? $found : throw new RunsException(sprintf('There is no manifest "%s" in the folders of manifests (%s). Give the name of a task or workflow, or the path of its file below one of them.', $manifest, implode(', ', $this->roots->paths()) ?: 'none is there'));
    });
  }

  /**
   * All manifests in the folders.
   *
   * @return list<\Ossa\Runtime\Manifest>
   *   Valid or not, with their diagnostics.
   */
  public function manifests(): array {
    return $this->guard(fn (): array => $this->engines->engine()->manifests());
  }

  /**
   * Messages that nobody could handle.
   *
   * @param int $limit
   *   At most so many.
   *
   * @return list<array<string, mixed>>
   *   As of \Ossa\Runtime\DeadLetters::list().
   */
  public function deadLetters(int $limit = 100): array {
    return $this->guard(fn (): array => $this->engines->engine()->deadLetters()->list([], $limit));
  }

  /**
   * Delivers a message again that nobody could handle.
   *
   * @param string $id
   *   Id of the dead letter.
   * @param string $reason
   *   For the log.
   *
   * @throws \Ossa\Runtime\Exception\EngineException
   *   When there is none, or somebody else is at it.
   */
  public function replay(string $id, string $reason = ''): void {
    $this->guard(fn (): array => $this->engines->engine()->deadLetters($this->who())->replay($id, $reason));
  }

  /**
   * Removes runs that have ended and are not to be kept any longer.
   *
   * @param bool $dryRun
   *   Only say which.
   *
   * @return list<\Ossa\Runtime\RunSummary>
   *   Those removed.
   */
  public function prune(bool $dryRun = FALSE): array {
    return $this->guard(function () use ($dryRun): array {
      $rules = $this->retention->rules();
      return $rules === [] ? [] : $this->engines->engine()->prune($rules, $dryRun);
    });
  }

  /**
   * Starts a run with an engine.
   *
   * @param \Ossa\Runtime\Engine $engine
   *   The engine.
   * @param string $manifest
   *   As of start().
   * @param array<string, mixed> $input
   *   The input.
   * @param \Drupal\ossa_eca\StartOptions $options
   *   How it is started.
   *
   * @return \Ossa\Runtime\StartedRun
   *   The run.
   */
  private function begin(Engine $engine, string $manifest, array $input, StartOptions $options): StartedRun {
    $this->subscriptions->register();
    $uid = $options->uid ?? (int) $this->currentUser->id();
    return $engine->start($manifest, $input, $options->toArray($uid));
  }

  /**
   * The addresses of the steps of a run that failed.
   *
   * @param string $id
   *   Id of the run.
   *
   * @return non-empty-list<string>
   *   Their addresses.
   */
  private function failedSteps(string $id): array {
    $failed = RunSteps::failed($this->must($id));
    return $failed !== [] ? $failed : throw new RunsException(sprintf('No step of run %s has failed: there is nothing to try again.', $id));
  }

  /**
   * A run that is to be there.
   *
   * @param string $id
   *   Id of the run.
   *
   * @return \Ossa\Runtime\Run
   *   The run.
   */
  private function must(string $id): Run {
    return $this->engines->engine()->run($id) ?? throw new RunsException(sprintf('There is no run %s. It may have been removed after its retention.', $id));
  }

  /**
   * Steers runs in the name of the current user.
   */
  private function operator(): Operator {
    return $this->engines->engine()->operator($this->who());
  }

  /**
   * The current user, for timelines and logs.
   */
  private function who(): string {
    return sprintf('%s (%d)', $this->currentUser->getAccountName() ?: 'anonymous', $this->currentUser->id());
  }

  /**
   * Turns errors into exceptions, which is all that ECA and core survive.
   *
   * @param \Closure(): T $do
   *   What to do.
   *
   * @return T
   *   What it returns.
   *
   * @template T
   */
  private function guard(\Closure $do): mixed {
    try {
      return $do();
    }
    catch (\Error $error) {
      throw new RunsException($error->getMessage(), 0, $error);
    }
  }

}
