<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Drush\Commands;

use Consolidation\AnnotatedCommand\CommandResult;
use Consolidation\OutputFormatters\StructuredData\RowsOfFields;
use Drupal\ossa_eca\Drush\AnswersTrait;
use Drupal\ossa_eca\Runs;
use Drush\Attributes as CLI;
use Drush\Commands\DrushCommands;
use Psr\Container\ContainerInterface;

/**
 * Commands for manifests.
 */
final class ManifestCommands extends DrushCommands {

  use AnswersTrait;

  public function __construct(private readonly Runs $runs) {
    parent::__construct();
  }

  /**
   * Makes the commands.
   *
   * @param \Psr\Container\ContainerInterface $container
   *   The container.
   */
  public static function create(ContainerInterface $container): self {
    return new self($container->get(Runs::class));
  }

  /**
   * Lists the tasks and workflows that can be run, and other manifests.
   *
   * @param array<string, mixed> $options
   *   The options.
   */
  #[CLI\Command(name: 'ossa:list')]
  #[CLI\Option(name: 'kind', description: 'Only this kind, such as Task or Workflow')]
  #[CLI\FieldLabels(labels: [
    'name' => 'Name',
    'kind' => 'Kind',
    'version' => 'Version',
    'valid' => 'Valid',
    'file' => 'File',
  ])]
  #[CLI\Usage(name: 'drush ossa:list --kind=Workflow', description: 'Lists workflows')]
  public function list(array $options = ['format' => 'table', 'kind' => self::REQ]): CommandResult|int {
    return $this->answer(function () use ($options): CommandResult {
      $rows = [];
      foreach ($this->runs->manifests() as $manifest) {
        if (!isset($options['kind']) || $options['kind'] === $manifest->getKind()) {
          $rows[] = [
            'name' => $manifest->getName(),
            'kind' => $manifest->getKind(),
            'version' => $manifest->getVersion(),
            'valid' => $manifest->isValid() ? 'yes' : 'no',
            'file' => $manifest->getFile(),
          ];
        }
      }
      return CommandResult::data(new RowsOfFields($rows));
    });
  }

  /**
   * Checks manifests, and exits with 1 when one cannot be run.
   *
   * @param string|null $manifest
   *   A name, or a file in a folder of manifests; nothing checks all.
   * @param array<string, mixed> $options
   *   The options.
   */
  #[CLI\Command(name: 'ossa:validate')]
  #[CLI\Argument(name: 'manifest', description: 'Name of a task or workflow, or its file in a folder of manifests; without it all are checked')]
  #[CLI\FieldLabels(labels: [
    'severity' => 'Severity',
    'code' => 'Code',
    'file' => 'File',
    'line' => 'Line',
    'column' => 'Column',
    'message' => 'Message',
    'help' => 'Help',
  ])]
  #[CLI\DefaultTableFields(fields: ['severity', 'code', 'file', 'line', 'message', 'help'])]
  #[CLI\Usage(name: 'drush ossa:validate orders/ship.yaml', description: 'Checks one file')]
  public function validate(?string $manifest = NULL, array $options = ['format' => 'table']): CommandResult|int {
    return $this->answer(function () use ($manifest, $options): CommandResult {
      $manifests = $manifest === NULL ? $this->runs->manifests() : $this->runs->validate($manifest);
      $rows = [];
      $invalid = 0;
      foreach ($manifests as $each) {
        $invalid += $each->isValid() ? 0 : 1;
        foreach ($each->getDiagnostics() as $diagnostic) {
          $rows[] = [
            'severity' => $diagnostic->getSeverity(),
            'code' => $diagnostic->getCode(),
            'file' => $diagnostic->getFile() ?? $each->getFile(),
            'line' => $diagnostic->getLine(),
            'column' => $diagnostic->getColumn(),
            'message' => $diagnostic->getMessage(),
            'help' => $diagnostic->getHelp(),
          ];
        }
      }
      $invalid === 0
        ? $this->logger()?->success(dt('Manifests checked: @count. All can be run.', ['@count' => count($manifests)]))
        : $this->refuse(dt('Manifests checked: @count. Of these @invalid cannot be run.', [
          '@count' => count($manifests),
          '@invalid' => $invalid,
        ]));
      $exit = $invalid === 0 ? self::EXIT_SUCCESS : self::EXIT_FAILURE;
      return $rows === [] && $options['format'] === 'table'
        ? CommandResult::exitCode($exit)
        : CommandResult::dataWithExitCode(new RowsOfFields($rows), $exit);
    });
  }

}
