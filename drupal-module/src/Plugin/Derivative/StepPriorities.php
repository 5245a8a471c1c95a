<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Plugin\Derivative;

use Drupal\Component\Plugin\Derivative\DeriverBase;
use Drupal\Core\Config\ConfigFactoryInterface;
use Drupal\Core\Plugin\Discovery\ContainerDeriverInterface;
use Drupal\Core\StringTranslation\TranslatableMarkup;
use Drupal\ossa_eca\StartOptions;
use Symfony\Component\DependencyInjection\ContainerInterface;

/**
 * A queue worker for each priority, in the order in which cron works them off.
 */
final class StepPriorities extends DeriverBase implements ContainerDeriverInterface {

  public function __construct(private readonly ConfigFactoryInterface $configFactory) {}

  /**
   * {@inheritdoc}
   */
  public static function create(ContainerInterface $container, $base_plugin_id): static {
    return new self($container->get('config.factory'));
  }

  /**
   * {@inheritdoc}
   *
   * @param array<string, mixed> $base_plugin_definition
   *   The definition of the worker.
   *
   * @return array<string, array<string, mixed>>
   *   A definition for each priority.
   */
  public function getDerivativeDefinitions($base_plugin_definition): array {
    $seconds = (int) ($this->configFactory->get('ossa_eca.settings')->get('queue.cron_seconds') ?? 30);
    foreach (StartOptions::PRIORITIES as $priority) {
      // Cron takes the time for the lease of an item, too. An item whose lease
      // is over is claimed in vain while the engine knows its worker is busy.
      $this->derivatives[$priority] = [
        'title' => new TranslatableMarkup('OSSA steps: @priority', ['@priority' => $priority]),
        'cron' => $seconds > 0 ? ['time' => $seconds] : NULL,
      ] + $base_plugin_definition;
    }
    return $this->derivatives;
  }

}
