<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Controller;

use Drupal\Core\DependencyInjection\ContainerInjectionInterface;
use Drupal\Core\Form\FormBuilderInterface;
use Drupal\Core\Link;
use Drupal\Core\Messenger\MessengerInterface;
use Drupal\Core\StringTranslation\StringTranslationTrait;
use Drupal\Core\StringTranslation\TranslationInterface;
use Drupal\Core\Url;
use Drupal\ossa_eca\Form\RunFilterForm;
use Drupal\ossa_eca\Page\RunFilter;
use Drupal\ossa_eca\Page\Show;
use Drupal\ossa_eca\Page\Trouble;
use Drupal\ossa_eca\Page\Wording;
use Drupal\ossa_eca\Runs;
use Ossa\Runtime\RunSummary;
use Symfony\Component\DependencyInjection\ContainerInterface;
use Symfony\Component\HttpFoundation\Request;

/**
 * The list of runs, newest first.
 */
final class RunListController implements ContainerInjectionInterface {

  use StringTranslationTrait;

  /**
   * Runs on a page.
   */
  private const LENGTH = 50;

  /**
   * So many failed runs are counted at most.
   */
  private const COUNTED = 100;

  public function __construct(
    private readonly Runs $runs,
    private readonly FormBuilderInterface $forms,
    private readonly MessengerInterface $messenger,
    private readonly Wording $wording,
    private readonly Show $show,
    private readonly Trouble $trouble,
    TranslationInterface $stringTranslation,
  ) {
    $this->setStringTranslation($stringTranslation);
  }

  /**
   * {@inheritdoc}
   */
  public static function create(ContainerInterface $container): static {
    return new self(
      $container->get(Runs::class),
      $container->get('form_builder'),
      $container->get('messenger'),
      $container->get(Wording::class),
      $container->get(Show::class),
      $container->get(Trouble::class),
      $container->get('string_translation'),
    );
  }

  /**
   * The list.
   *
   * @param \Symfony\Component\HttpFoundation\Request $request
   *   The request.
   *
   * @return array<array-key, mixed>
   *   The page.
   */
  public function __invoke(Request $request): array {
    $filter = RunFilter::ofQuery($request->query->all());
    if ($filter->hasLabelWithoutValue()) {
      $this->messenger->addWarning($this->t('A label is given as "name=value": %label has no value, and finds the runs where it is empty.', ['%label' => $filter->label]));
    }
    return $this->trouble->page(fn (): array => [
      'filter' => $this->forms->getForm(RunFilterForm::class, $filter),
    ] + $this->list($filter));
  }

  /**
   * What is below the filter.
   *
   * @param \Drupal\ossa_eca\Page\RunFilter $filter
   *   Which runs.
   *
   * @return array<string, mixed>
   *   Parts of the page.
   */
  private function list(RunFilter $filter): array {
    try {
      // One more than is shown tells whether there is another page.
      $found = $this->runs->list($filter->toArray() + ['limit' => self::LENGTH + 1]);
      $failed = $filter->isEmpty() ? count($this->runs->list(['status' => 'failed', 'limit' => self::COUNTED])) : 0;
    }
    catch (\RuntimeException $exception) {
      return ['trouble' => $this->trouble->message($exception)];
    }
    $shown = array_slice($found, 0, self::LENGTH);
    $last = end($shown);
    return [
      'failed' => $failed === 0 ? [] : [
        '#type' => 'link',
        '#title' => $failed === self::COUNTED
          ? $this->t('@count runs or more have failed', ['@count' => $failed])
          : $this->formatPlural($failed, '1 run has failed', '@count runs have failed'),
        '#url' => Url::fromRoute('ossa_eca.runs', [], ['query' => ['status' => 'failed']]),
        '#prefix' => '<p>',
        '#suffix' => '</p>',
      ],
      'runs' => [
        '#type' => 'table',
        '#header' => [
          $this->t('Run'),
          $this->t('Task or workflow'),
          $this->t('Status'),
          $this->t('Progress'),
          $this->t('Step'),
          $this->t('Error'),
          $this->t('Labels'),
          $this->t('Created'),
          $this->t('Changed'),
        ],
        '#rows' => array_map($this->row(...), $shown),
        '#empty' => $filter->isEmpty()
          ? $this->t('There are no runs yet. An ECA model, "drush ossa:run" or a module starts them.')
          : $this->t('No run matches.'),
        '#attributes' => ['class' => ['ossa-runs']],
      ],
      'pages' => $this->pages($filter, count($found) > self::LENGTH && $last !== FALSE ? $last->getId() : NULL),
    ];
  }

  /**
   * A run in the list.
   *
   * @param \Ossa\Runtime\RunSummary $run
   *   The run.
   *
   * @return list<mixed>
   *   The cells.
   */
  private function row(RunSummary $run): array {
    return [
      Link::createFromRoute($run->getId(), 'ossa_eca.run', ['run' => $run->getId()]),
      $run->getWorkflow(),
      $this->wording->status($run->getStatus()),
      $this->t('@percent %', ['@percent' => $run->getProgress()]),
      (string) $run->getCurrentStep(),
      mb_strimwidth((string) $run->getError(), 0, 200, '…', 'UTF-8'),
      Wording::labels($run->getLabels()),
      $this->show->time($run->getCreatedAt()),
      $this->show->time($run->getUpdatedAt()),
    ];
  }

  /**
   * Links to the first and the next page.
   *
   * @param \Drupal\ossa_eca\Page\RunFilter $filter
   *   Which runs.
   * @param string|null $last
   *   Id of the last run of this page, when another follows.
   *
   * @return array<string, mixed>
   *   A render array.
   */
  private function pages(RunFilter $filter, ?string $last): array {
    $links = [];
    if ($filter->after !== '') {
      $links['first'] = [
        'title' => $this->t('Newest'),
        'url' => Url::fromRoute('ossa_eca.runs', [], ['query' => $filter->toQuery()]),
      ];
    }
    if ($last !== NULL) {
      $links['next'] = [
        'title' => $this->t('Older'),
        'url' => Url::fromRoute('ossa_eca.runs', [], ['query' => $filter->toQuery($last)]),
        'attributes' => ['rel' => 'next'],
      ];
    }
    return $links === [] ? [] : [
      '#theme' => 'links',
      '#links' => $links,
      '#attributes' => ['class' => ['links', 'inline'], 'aria-label' => $this->t('Pages')],
    ];
  }

}
