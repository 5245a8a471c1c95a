<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Page;

use Drupal\Component\Render\MarkupInterface;
use Drupal\Core\StringTranslation\StringTranslationTrait;
use Drupal\Core\StringTranslation\TranslationInterface;
use Drupal\ossa_eca\Engine\EngineUnavailableException;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Psr\Log\LoggerInterface;
use Symfony\Component\DependencyInjection\Attribute\Autowire;
use Symfony\Component\HttpKernel\Exception\HttpExceptionInterface;

/**
 * Turns what goes wrong with the engine into a message for a page.
 */
final class Trouble {

  use StringTranslationTrait;

  public function __construct(
    #[Autowire(service: 'logger.channel.ossa_eca')]
    private readonly LoggerInterface $logger,
    TranslationInterface $stringTranslation,
  ) {
    $this->setStringTranslation($stringTranslation);
  }

  /**
   * A page, or a message where it cannot be built.
   *
   * @param \Closure(): array<array-key, mixed> $build
   *   Builds the page.
   *
   * @return array<array-key, mixed>
   *   A render array that is not cached: runs change by themselves.
   *
   * @throws \Symfony\Component\HttpKernel\Exception\HttpExceptionInterface
   *   As $build.
   */
  public function page(\Closure $build): array {
    try {
      $page = $build();
    }
    catch (HttpExceptionInterface $exception) {
      throw $exception;
    }
    catch (\RuntimeException $exception) {
      $page = ['trouble' => $this->message($exception)];
    }
    $page['#cache']['max-age'] = 0;
    return $page;
  }

  /**
   * A message as a part of a page.
   *
   * @param \Throwable $throwable
   *   What went wrong.
   *
   * @return array<array-key, mixed>
   *   A render array.
   */
  public function message(\Throwable $throwable): array {
    $this->log($throwable);
    return [
      '#theme' => 'status_messages',
      '#message_list' => ['error' => [$this->text($throwable)]],
      '#status_headings' => ['error' => $this->t('Error message')],
    ];
  }

  /**
   * What went wrong, in words and with what to do.
   *
   * @param \Throwable $throwable
   *   What went wrong.
   *
   * @return \Drupal\Component\Render\MarkupInterface
   *   Safe to show.
   */
  public function text(\Throwable $throwable): MarkupInterface {
    $help = $throwable instanceof EngineException ? (string) $throwable->getHelp() : '';
    return match (TRUE) {
      $throwable instanceof EngineUnavailableException => $this->t('The engine cannot be used. @problem', ['@problem' => $throwable->getMessage()]),
      $help !== '' => $this->t('@problem (@help)', ['@problem' => $throwable->getMessage(), '@help' => $help]),
      default => $this->t('@problem', ['@problem' => $throwable->getMessage()]),
    };
  }

  /**
   * Logs what an administrator has to look after.
   *
   * @param \Throwable $throwable
   *   What went wrong.
   */
  public function log(\Throwable $throwable): void {
    // A missing extension is told by the status report, and an order that is
    // refused is for who gave it.
    if ($throwable instanceof EngineException && $throwable->isRetryable()) {
      $this->logger->error('The store of runs is out of reach: @error', [
        '@error' => $throwable->getMessage(),
        'exception' => $throwable,
      ]);
    }
  }

}
