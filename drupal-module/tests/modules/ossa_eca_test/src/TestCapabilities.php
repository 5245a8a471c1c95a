<?php

declare(strict_types=1);

namespace Drupal\ossa_eca_test;

use Drupal\Core\Database\Connection;
use Drupal\Core\Session\AccountProxyInterface;
use Drupal\Core\State\StateInterface;
use Drupal\ossa_eca\Attribute\OssaCapability;
use Drupal\ossa_eca\Execution\StepContext;
use Drupal\ossa_eca\Execution\StepFailure;
use Drupal\ossa_eca\Runs;
use Ossa\Runtime\Exception\InputException;
use Symfony\Component\DependencyInjection\Attribute\AutowireServiceClosure;

/**
 * What the manifests of the tests call. Every call is noted in the State API.
 */
final readonly class TestCapabilities {

  public const CALLS = 'ossa_eca_test.calls';

  public function __construct(
    private StateInterface $state,
    private AccountProxyInterface $currentUser,
    private Connection $database,
    #[AutowireServiceClosure(Runs::class)]
    private \Closure $runs,
  ) {}

  /**
   * Greets, and says who does.
   *
   * @param array<string, mixed> $input
   *   With "name".
   * @param \Drupal\ossa_eca\Execution\StepContext $context
   *   The step.
   *
   * @return array<string, mixed>
   *   With "greeting", "uid", "step" and "attempt".
   */
  #[OssaCapability('test_greet')]
  public function greet(array $input, StepContext $context): array {
    $this->note($context->step);
    return [
      'greeting' => 'Hello ' . $input['name'],
      'uid' => (int) $this->currentUser->id(),
      'step' => $context->step,
      'attempt' => $context->attempt,
    ];
  }

  /**
   * Fails as often as it is told to.
   *
   * @param array<string, mixed> $input
   *   With "failures", and "how": exception, error or permanent.
   * @param \Drupal\ossa_eca\Execution\StepContext $context
   *   The step.
   *
   * @return array{attempt: int}
   *   The attempt that did not fail.
   */
  #[OssaCapability('test_fail')]
  public function fail(array $input, StepContext $context): array {
    $this->note($context->step);
    if ($context->attempt <= (int) ($input['failures'] ?? 1)) {
      throw match ($input['how'] ?? 'exception') {
        'error' => new \TypeError('<b>broken</b>'),
        'permanent' => StepFailure::permanent('TEST_PERMANENT', 'never'),
        default => new \RuntimeException('not yet'),
      };
    }
    return ['attempt' => $context->attempt];
  }

  /**
   * Starts other runs: one that is refused, and one that ends at once.
   *
   * @return array{refused: bool, nested: string}
   *   What became of them.
   */
  #[OssaCapability('test_nested')]
  public function nested(): array {
    $runs = ($this->runs)();
    try {
      $runs->start('greet', ['name' => 7]);
      $refused = FALSE;
    }
    catch (InputException) {
      $refused = TRUE;
    }
    return [
      'refused' => $refused,
      'nested' => $runs->execute('greet', ['name' => 'nested'])->getStatus(),
    ];
  }

  /**
   * Asks the worker to stop.
   *
   * @param array<string, mixed> $input
   *   Not used.
   * @param \Drupal\ossa_eca\Execution\StepContext $context
   *   The step.
   */
  #[OssaCapability('test_stop')]
  public function stop(array $input, StepContext $context): void {
    $this->note($context->step);
    posix_kill((int) getmypid(), \SIGTERM);
  }

  /**
   * Writes to the database of the site, and then succeeds, fails or is refused.
   *
   * @param array<string, mixed> $input
   *   With "how": exception, refused or anything else.
   *
   * @return array{booked: mixed}
   *   Whether it is booked.
   */
  #[OssaCapability('test_book')]
  public function book(array $input): array {
    $this->database->insert('ossa_eca_test_booked')->fields(['seat' => 1])->execute();
    $how = $input['how'] ?? '';
    if ($how === 'exception') {
      throw StepFailure::permanent('TEST_NOT_BOOKED', 'no');
    }
    return ['booked' => $how === 'refused' ? 'perhaps' : TRUE];
  }

  /**
   * Notes a call.
   *
   * @param string $step
   *   Id of the step.
   */
  private function note(string $step): void {
    $this->state->set(self::CALLS, [...$this->state->get(self::CALLS, []), $step]);
  }

}
