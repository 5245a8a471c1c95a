<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Controller;

use Drupal\Core\DependencyInjection\ContainerInjectionInterface;
use Drupal\ossa_eca\Page\RunPage;
use Drupal\ossa_eca\Page\RunTimeline;
use Drupal\ossa_eca\Page\Trouble;
use Drupal\ossa_eca\Runs;
use Symfony\Component\DependencyInjection\ContainerInterface;
use Symfony\Component\HttpKernel\Exception\NotFoundHttpException;

/**
 * A run, with all that happened to it.
 */
final readonly class RunController implements ContainerInjectionInterface {

  public function __construct(
    private Runs $runs,
    private RunPage $page,
    private RunTimeline $timeline,
    private Trouble $trouble,
  ) {}

  /**
   * {@inheritdoc}
   */
  public static function create(ContainerInterface $container): static {
    return new self(
      $container->get(Runs::class),
      $container->get(RunPage::class),
      $container->get(RunTimeline::class),
      $container->get(Trouble::class),
    );
  }

  /**
   * The page of a run.
   *
   * @param string $run
   *   Id of the run.
   *
   * @return array<array-key, mixed>
   *   The page.
   */
  public function __invoke(string $run): array {
    return $this->trouble->page(function () use ($run): array {
      $found = $this->runs->get($run) ?? throw new NotFoundHttpException(sprintf('There is no run %s.', $run));
      return $this->page->build($found, $this->runs->why($run)['reasons']) + [
        'timeline' => $this->timeline->build($found),
      ];
    });
  }

}
