<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Drush;

use Consolidation\AnnotatedCommand\CommandResult;
use Drupal\ossa_eca\Engine\EngineUnavailableException;
use Ossa\Runtime\Exception\ArgumentException;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\Runtime\Exception\ManifestException;

/**
 * How commands answer: 0 done, 1 refused, 2 wrong usage or no store.
 */
trait AnswersTrait {

  /**
   * Does what a command is to do, and tells why it cannot.
   *
   * @param \Closure(): (\Consolidation\AnnotatedCommand\CommandResult|int) $do
   *   Does it.
   *
   * @return \Consolidation\AnnotatedCommand\CommandResult|int
   *   What to print, and the exit code.
   */
  private function answer(\Closure $do): CommandResult|int {
    try {
      return $do();
    }
    catch (EngineUnavailableException | \InvalidArgumentException $exception) {
      $this->refuse($exception->getMessage());
      return 2;
    }
    catch (EngineException $exception) {
      $this->refuse($exception->getMessage() . ' (' . $exception->getErrorCode() . ')');
      foreach ($exception instanceof ManifestException ? $exception->getDiagnostics() : [] as $diagnostic) {
        $this->refuse(sprintf('%s:%d: %s %s: %s', $diagnostic->getFile() ?? '', $diagnostic->getLine(), $diagnostic->getSeverity(), $diagnostic->getCode(), $diagnostic->getMessage()));
      }
      $help = (string) $exception->getHelp();
      if ($help !== '') {
        $this->refuse($help);
      }
      return $exception instanceof ArgumentException || $exception->isRetryable() ? 2 : 1;
    }
    catch (\RuntimeException $exception) {
      $this->refuse($exception->getMessage());
      return 1;
    }
  }

  /**
   * Prints a line of an error.
   *
   * @param string $line
   *   What is wrong.
   */
  private function refuse(string $line): void {
    $this->logger()?->error($line);
  }

  /**
   * A moment.
   *
   * @param \DateTimeInterface|null $when
   *   The moment.
   */
  private static function date(?\DateTimeInterface $when): ?string {
    return $when?->format(\DATE_RFC3339_EXTENDED);
  }

}
