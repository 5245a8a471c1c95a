<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Command;

use Ossa\Runtime\Diagnostic;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\Runtime\Manifest;
use Ossa\SymfonyRuntime\Console\Failure;
use Ossa\SymfonyRuntime\Console\ManifestFiles;
use Ossa\SymfonyRuntime\Console\OutputFormat;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Exception\InvalidOptionException;
use Symfony\Component\Console\Formatter\OutputFormatter;
use Symfony\Component\Console\Input\InputArgument;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;
use Symfony\Component\Console\Output\OutputInterface;

#[AsCommand('ossa:validate', 'Checks OSSA manifests')]
final class ValidateCommand extends Command
{
    /** @param list<string> $manifestPaths */
    public function __construct(
        private readonly array $manifestPaths,
        private readonly string $validation,
    ) {
        parent::__construct();
    }

    protected function configure(): void
    {
        $this
            ->addArgument('path', InputArgument::IS_ARRAY, 'Files, or folders to search for *.yaml, *.yml and *.json; by default the configured manifest paths')
            ->addOption('strict', null, InputOption::VALUE_NONE, 'Check against the official schema of the manifest\'s version')
            ->setHelp(<<<'HELP'
                The <info>%command.name%</info> command checks every document of the given files and prints what is wrong, with its place.

                    <info>%command.full_name% config/ossa</info>
                    <info>%command.full_name% --strict --format=json config/ossa/onboarding.yaml</info>

                Exit code: 0 all valid, 1 something is invalid, 2 a path cannot be read or the usage is wrong.
                HELP);
        OutputFormat::addTo($this);
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        try {
            $format = OutputFormat::of($input);
        } catch (InvalidOptionException $exception) {
            return Failure::usage($exception->getMessage(), $output);
        }
        /** @var list<string> $paths */
        $paths = $input->getArgument('path');
        $level = true === $input->getOption('strict') || 'strict' === $this->validation ? 'strict' : 'lenient';
        $documents = [];
        foreach ([] !== $paths ? $paths : array_filter($this->manifestPaths, is_dir(...)) as $path) {
            $files = ManifestFiles::below($path);
            if (null === $files) {
                return Failure::usage(\sprintf('"%s" is no readable file or folder.', $path), $output);
            }
            foreach ($files as $file) {
                try {
                    array_push($documents, ...Manifest::load($file, ['level' => $level]));
                } catch (EngineException $exception) {
                    Failure::show($exception, $output);

                    return Command::INVALID;
                }
            }
        }
        OutputFormat::Json === $format
            ? $output->writeln(OutputFormat::json(array_map(self::data(...), $documents)))
            : $this->print($documents, $output);

        $invalid = array_filter($documents, static fn (Manifest $document): bool => !$document->isValid());

        return [] === $invalid ? Command::SUCCESS : Command::FAILURE;
    }

    /** @param list<Manifest> $documents */
    private function print(array $documents, OutputInterface $output): void
    {
        $invalid = 0;
        foreach ($documents as $document) {
            $invalid += $document->isValid() ? 0 : 1;
            $output->writeln(\sprintf(
                '%s %s%s  %s %s',
                $document->isValid() ? '<info>valid  </info>' : '<fg=red>invalid</>',
                OutputFormatter::escape($document->getFile() ?? '-'),
                0 === $document->getIndex() ? '' : '#'.$document->getIndex(),
                OutputFormatter::escape($document->getKind() ?? '?'),
                OutputFormatter::escape($document->getName() ?? '?'),
            ));
            foreach ($document->getDiagnostics() as $diagnostic) {
                $output->writeln(OutputFormatter::escape($diagnostic->render()));
            }
        }
        $output->writeln(\sprintf('%d document%s, %d invalid', \count($documents), 1 === \count($documents) ? '' : 's', $invalid));
    }

    /** @return array<string, mixed> */
    private static function data(Manifest $document): array
    {
        return [
            'file' => $document->getFile(),
            'index' => $document->getIndex(),
            'kind' => $document->getKind(),
            'name' => $document->getName(),
            'api_version' => $document->getApiVersion(),
            'valid' => $document->isValid(),
            'diagnostics' => array_map(static fn (Diagnostic $diagnostic): array => [
                'code' => $diagnostic->getCode(),
                'severity' => $diagnostic->getSeverity(),
                'message' => $diagnostic->getMessage(),
                'help' => $diagnostic->getHelp(),
                'path' => $diagnostic->getPath(),
                'file' => $diagnostic->getFile(),
                'line' => $diagnostic->getLine(),
                'column' => $diagnostic->getColumn(),
            ], $document->getDiagnostics()),
        ];
    }
}
