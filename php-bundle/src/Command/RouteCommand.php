<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Command;

use Ossa\Runtime\Diagnostic;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\Runtime\Manifest;
use Ossa\Runtime\Router;
use Ossa\SymfonyRuntime\Channel\MessageTransforms;
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

#[AsCommand('ossa:route', 'Says where a message goes, and why')]
final class RouteCommand extends Command
{
    /** @param list<string> $manifestPaths */
    public function __construct(
        private readonly array $manifestPaths,
        private readonly MessageTransforms $transforms,
    ) {
        parent::__construct();
    }

    protected function configure(): void
    {
        $this
            ->addArgument('message', InputArgument::OPTIONAL, 'The payload as JSON, or a whole envelope', '{}')
            ->addOption('source', null, InputOption::VALUE_REQUIRED, 'Who publishes the message')
            ->addOption('channel', null, InputOption::VALUE_REQUIRED, 'Where it is published')
            ->addOption('rules', null, InputOption::VALUE_REQUIRED | InputOption::VALUE_IS_ARRAY, 'Files or folders with message routing; by default the configured manifest paths')
            ->setHelp(<<<'HELP'
                The <info>%command.name%</info> command says which rules match a message, which do not and why, and what is delivered in which order.

                    <info>%command.full_name% --source=scanner --channel=security.vulnerabilities '{"severity": "high"}'</info>

                Exit code: 0 routed, also when the message is dropped or refused; 1 the rules have errors; 2 something cannot be read or the usage is wrong.
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
        $message = $this->message($input);
        if (\is_string($message)) {
            return Failure::usage($message, $output);
        }
        /** @var list<string> $paths */
        $paths = $input->getOption('rules');
        $files = [];
        foreach ([] !== $paths ? $paths : array_filter($this->manifestPaths, is_dir(...)) as $path) {
            $below = ManifestFiles::below($path);
            if (null === $below) {
                return Failure::usage(\sprintf('"%s" is no readable file or folder.', $path), $output);
            }
            array_push($files, ...$below);
        }
        try {
            $router = Router::load($files, $this->transforms->callbacks());
            $explained = $router->explain($message, ['agents' => self::agents($files)]);
        } catch (EngineException $exception) {
            return Failure::show($exception, $output);
        }
        foreach ($router->getWarnings() as $warning) {
            self::warn($warning, $output);
        }
        OutputFormat::Json === $format ? $output->writeln(OutputFormat::json($explained)) : self::print($explained, $output);

        return Command::SUCCESS;
    }

    /** @return array<string, mixed>|string the envelope, or what is wrong with the command line */
    private function message(InputInterface $input): array|string
    {
        $text = $input->getArgument('message');
        $payload = json_decode(\is_string($text) ? $text : '', true);
        if (null === $payload && 'null' !== $text) {
            return 'The message is no JSON.';
        }
        $envelope = \is_array($payload) && \array_key_exists('payload', $payload) && [] !== array_intersect(['source', 'sender', 'from'], array_keys($payload))
            ? $payload
            : ['payload' => [] === $payload ? new \stdClass() : $payload];
        foreach (['source', 'channel'] as $name) {
            $value = $input->getOption($name);
            if (\is_string($value)) {
                $envelope[$name] = $value;
            }
        }
        if (!isset($envelope['channel']) || [] === array_intersect(['source', 'sender', 'from'], array_keys($envelope))) {
            return 'A payload needs --source and --channel.';
        }

        return $envelope + ['id' => 'message', 'timestamp' => (new \DateTimeImmutable())->format(\DateTimeInterface::RFC3339_EXTENDED)];
    }

    /**
     * @param list<string> $files
     *
     * @return list<string> the names of the agents in the files
     */
    private static function agents(array $files): array
    {
        $names = [];
        foreach ($files as $file) {
            foreach (Manifest::load($file) as $document) {
                if ('Agent' === $document->getKind() && $document->isValid()) {
                    $names[] = (string) $document->getName();
                }
            }
        }

        return $names;
    }

    private static function warn(Diagnostic $warning, OutputInterface $output): void
    {
        if ('note' !== $warning->getSeverity()) {
            Failure::errors($output)->writeln(OutputFormatter::escape($warning->render()));
        }
    }

    /** @param array{outcome: string, deliveries: list<array{target: string, priority: string, rules: list<string>, transform: ?string, failover: list<string>, payload: mixed}>, refusals: list<array{reason: string, detail: string, rule: ?string, targets: list<string>}>, rules: list<array{rule: string, routing: string, path: string, matches: bool, why?: string, targets: list<string>}>} $explained */
    private static function print(array $explained, OutputInterface $output): void
    {
        $output->writeln(\sprintf('<info>%s</info>', str_replace('_', ' ', $explained['outcome'])));
        foreach ($explained['deliveries'] as $delivery) {
            $output->writeln(\sprintf(
                '  %-8s  %s  %s%s%s',
                $delivery['priority'],
                OutputFormatter::escape($delivery['target']),
                OutputFormatter::escape([] === $delivery['rules'] ? 'by the default route' : 'by '.implode(' and ', $delivery['rules'])),
                null === $delivery['transform'] ? '' : OutputFormatter::escape(\sprintf(', as %s makes it', $delivery['transform'])),
                [] === $delivery['failover'] ? '' : OutputFormatter::escape(', or if it fails '.implode(', then ', $delivery['failover'])),
            ));
        }
        foreach ($explained['refusals'] as $refusal) {
            $output->writeln(\sprintf('  <comment>%s</comment>  %s%s', $refusal['reason'], OutputFormatter::escape(null === $refusal['rule'] ? '' : $refusal['rule'].': '), OutputFormatter::escape($refusal['detail'])));
        }
        foreach ($explained['rules'] as $rule) {
            $output->writeln(\sprintf('%s  %s%s', $rule['matches'] ? '<info>yes</info>' : 'no ', OutputFormatter::escape($rule['rule']), OutputFormatter::escape(isset($rule['why']) ? ': '.$rule['why'] : '')));
        }
    }
}
