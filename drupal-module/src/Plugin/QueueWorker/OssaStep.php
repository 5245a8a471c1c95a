<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Plugin\QueueWorker;

use Drupal\Core\Plugin\ContainerFactoryPluginInterface;
use Drupal\Core\Queue\Attribute\QueueWorker;
use Drupal\Core\Queue\QueueWorkerBase;
use Drupal\Core\StringTranslation\TranslatableMarkup;
use Drupal\ossa_eca\Execution\StepRunner;
use Drupal\ossa_eca\Plugin\Derivative\StepPriorities;
use Symfony\Component\DependencyInjection\ContainerInterface;

/**
 * Runs steps of OSSA tasks and workflows, one queue for each priority.
 */
#[QueueWorker(
  id: 'ossa_step',
  title: new TranslatableMarkup('OSSA steps'),
  deriver: StepPriorities::class,
)]
final class OssaStep extends QueueWorkerBase implements ContainerFactoryPluginInterface {

  /**
   * Makes the worker of a queue.
   *
   * @param array<string, mixed> $configuration
   *   Configuration of the plugin.
   * @param string $plugin_id
   *   Id of the plugin.
   * @param array<string, mixed> $plugin_definition
   *   Definition of the plugin.
   * @param \Drupal\ossa_eca\Execution\StepRunner $runner
   *   Runs the steps.
   */
  public function __construct(
    array $configuration,
    string $plugin_id,
    array $plugin_definition,
    private readonly StepRunner $runner,
  ) {
    parent::__construct($configuration, $plugin_id, $plugin_definition);
  }

  /**
   * {@inheritdoc}
   *
   * @param \Symfony\Component\DependencyInjection\ContainerInterface $container
   *   The container.
   * @param array<string, mixed> $configuration
   *   Configuration of the plugin.
   * @param string $plugin_id
   *   Id of the plugin.
   * @param array<string, mixed> $plugin_definition
   *   Definition of the plugin.
   */
  public static function create(ContainerInterface $container, array $configuration, $plugin_id, $plugin_definition): static {
    return new self($configuration, $plugin_id, $plugin_definition, $container->get(StepRunner::class));
  }

  /**
   * {@inheritdoc}
   *
   * @throws \Drupal\Core\Queue\SuspendQueueException
   *   When the store of runs is out of reach.
   */
  public function processItem($data): void {
    $this->runner->run(is_string($data) ? $data : '');
  }

}
