<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Execution;

use Drupal\Core\Config\ConfigFactoryInterface;
use Drupal\Core\Entity\EntityTypeManagerInterface;
use Drupal\Core\Session\AccountInterface;
use Drupal\Core\Session\AnonymousUserSession;
use Drupal\ossa_eca\Engine\EngineProvider;
use Drupal\user\UserInterface;
use Ossa\Runtime\StepClaim;
use Psr\Log\LoggerInterface;
use Symfony\Component\DependencyInjection\Attribute\Autowire;

/**
 * Says as which account a step runs.
 */
final class ExecutionAccount {

  /**
   * The label of a run that names the account it was started for.
   */
  public const LABEL = 'ossa.drupal_uid';

  /**
   * So many runs are remembered.
   */
  private const REMEMBERED = 256;

  /**
   * Accounts that runs were started for, by the id of the run.
   *
   * @var array<string, int|null>
   */
  private array $uids = [];

  public function __construct(
    private readonly EngineProvider $engines,
    private readonly ConfigFactoryInterface $configFactory,
    private readonly EntityTypeManagerInterface $entityTypeManager,
    #[Autowire(service: 'logger.channel.ossa_eca')]
    private readonly LoggerInterface $logger,
  ) {}

  /**
   * The account of a step.
   *
   * @param \Ossa\Runtime\StepClaim $claim
   *   The step.
   *
   * @return \Drupal\Core\Session\AccountInterface
   *   The initiating user when the settings say so and there is one; else the
   *   configured account.
   */
  public function of(StepClaim $claim): AccountInterface {
    $settings = $this->configFactory->get('ossa_eca.settings');
    $configured = (int) $settings->get('account.uid');
    if ($settings->get('account.mode') === 'configured') {
      return $this->load($configured) ?? $this->anonymousInsteadOf($configured, $claim);
    }
    $uid = $this->initiatorOf($claim->getRunId());
    if ($uid === 0) {
      return new AnonymousUserSession();
    }
    $account = $uid === NULL ? NULL : $this->load($uid);
    if ($account !== NULL) {
      return $account;
    }
    if ($uid !== NULL) {
      $this->logger->notice('The user @uid, for whom run @run of "@workflow" was started, is gone or blocked: step "@step" runs as the configured account @configured.', [
        '@uid' => $uid,
        '@run' => $claim->getRunId(),
        '@workflow' => $claim->getWorkflow(),
        '@step' => $claim->getStep(),
        '@configured' => $configured,
      ]);
    }
    return $this->load($configured) ?? $this->anonymousInsteadOf($configured, $claim);
  }

  /**
   * The account that a run was started for.
   *
   * @param string $run
   *   Id of the run.
   *
   * @return int|null
   *   Its uid; NULL when the run was started by nobody of this site.
   */
  private function initiatorOf(string $run): ?int {
    if (!array_key_exists($run, $this->uids)) {
      $labels = $this->engines->engine()->run($run)?->getLabels() ?? [];
      $uid = $labels[self::LABEL] ?? NULL;
      $this->uids = array_slice($this->uids, 1 - self::REMEMBERED, NULL, TRUE);
      $this->uids[$run] = is_numeric($uid) ? (int) $uid : NULL;
    }
    return $this->uids[$run];
  }

  /**
   * Loads an account that may act.
   *
   * @param int $uid
   *   Its uid.
   *
   * @return \Drupal\Core\Session\AccountInterface|null
   *   NULL when it is gone or blocked.
   */
  private function load(int $uid): ?AccountInterface {
    if ($uid === 0) {
      return new AnonymousUserSession();
    }
    $user = $this->entityTypeManager->getStorage('user')->load($uid);
    return $user instanceof UserInterface && $user->isActive() ? $user : NULL;
  }

  /**
   * Falls back to anonymous, the account with the least rights.
   *
   * @param int $uid
   *   The configured account.
   * @param \Ossa\Runtime\StepClaim $claim
   *   The step.
   */
  private function anonymousInsteadOf(int $uid, StepClaim $claim): AccountInterface {
    $this->logger->warning('The account @uid that "account.uid" of the settings names is gone or blocked: step "@step" of run @run runs as anonymous. Choose another account.', [
      '@uid' => $uid,
      '@step' => $claim->getStep(),
      '@run' => $claim->getRunId(),
    ]);
    return new AnonymousUserSession();
  }

}
