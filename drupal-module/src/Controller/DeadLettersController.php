<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Controller;

use Drupal\Core\DependencyInjection\ContainerInjectionInterface;
use Drupal\Core\StringTranslation\StringTranslationTrait;
use Drupal\Core\StringTranslation\TranslationInterface;
use Drupal\Core\Url;
use Drupal\ossa_eca\Page\Show;
use Drupal\ossa_eca\Page\Trouble;
use Drupal\ossa_eca\Page\Wording;
use Drupal\ossa_eca\Runs;
use Symfony\Component\DependencyInjection\ContainerInterface;

/**
 * Messages that nobody could handle.
 */
final class DeadLettersController implements ContainerInjectionInterface {

  use StringTranslationTrait;

  /**
   * So many are shown.
   */
  private const SHOWN = 100;

  public function __construct(
    private readonly Runs $runs,
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
      $container->get(Show::class),
      $container->get(Trouble::class),
      $container->get('string_translation'),
    );
  }

  /**
   * The list.
   *
   * @return array<array-key, mixed>
   *   The page.
   */
  public function __invoke(): array {
    return $this->trouble->page(fn (): array => [
      'failed' => [
        '#type' => 'link',
        '#title' => $this->t('Runs that have failed'),
        '#url' => Url::fromRoute('ossa_eca.runs', [], ['query' => ['status' => 'failed']]),
        '#prefix' => '<p>',
        '#suffix' => '</p>',
      ],
      'letters' => [
        '#type' => 'table',
        '#caption' => $this->t('At most @count are shown.', ['@count' => self::SHOWN]),
        '#header' => [
          $this->t('Id'),
          $this->t('Message of'),
          $this->t('For'),
          $this->t('Why'),
          $this->t('Attempts'),
          $this->t('Given up'),
          $this->t('Data'),
          $this->t('Operations'),
        ],
        '#rows' => array_map($this->row(...), $this->runs->deadLetters(self::SHOWN)),
        '#empty' => $this->t('There are no dead letters.'),
        '#attributes' => ['class' => ['ossa-dead-letters']],
      ],
    ]);
  }

  /**
   * A dead letter in the list.
   *
   * @param array<string, mixed> $letter
   *   The dead letter.
   *
   * @return list<mixed>
   *   The cells.
   */
  private function row(array $letter): array {
    $replay = Url::fromRoute('ossa_eca.dead_letters.replay', [], ['query' => ['letter' => $letter['id']]]);
    return [
      (string) $letter['id'],
      $letter['channel'] . ' (' . $letter['source'] . ')',
      (string) ($letter['subscriber'] ?? ''),
      $letter['reason'] . ' – ' . Wording::error(['code' => $letter['error_code'], 'message' => $letter['error']]),
      (string) $letter['attempts'],
      $this->show->time($letter['at_ms']),
      [
        'data' => $this->show->folded($this->t('Message'), json_decode((string) ($letter['edited'] ?? $letter['original']), TRUE) ?? $letter['original']),
      ],
      [
        'data' => [
          '#type' => 'link',
          '#title' => $this->t('Replay'),
          '#url' => $replay,
          '#access' => $replay->access(NULL, TRUE),
          '#attributes' => ['class' => ['button', 'button--small']],
        ],
      ],
    ];
  }

}
