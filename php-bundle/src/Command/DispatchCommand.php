<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Command;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\SymfonyRuntime\Console\Failure;
use Ossa\SymfonyRuntime\Console\JsonObject;
use Ossa\SymfonyRuntime\Console\OutputFormat;
use Ossa\SymfonyRuntime\Console\RunData;
use Ossa\SymfonyRuntime\Console\RunFilter;
use Ossa\SymfonyRuntime\Console\RunFollower;
use Ossa\SymfonyRuntime\Console\RunTimeline;
use Ossa\SymfonyRuntime\OssaRuntime;
use Ossa\SymfonyRuntime\Relay\StepRelay;
use Ossa\SymfonyRuntime\Stamp\PriorityStamp;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Completion\CompletionInput;
use Symfony\Component\Console\Exception\InvalidOptionException;
use Symfony\Component\Console\Input\InputArgument;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;
use Symfony\Component\Console\Output\OutputInterface;

#[AsCommand('ossa:dispatch', 'Starts a run of an OSSA task or workflow')]
final class DispatchCommand extends Command
{
    private const KINDS = ['task' => 'Task', 'workflow' => 'Workflow'];

    public function __construct(
        private readonly OssaRuntime $runtime,
        private readonly Engine $engine,
        private readonly StepRelay $relay,
        private readonly string $transport,
    ) {
        parent::__construct();
    }

    protected function configure(): void
    {
        $this
            ->addArgument('kind', InputArgument::REQUIRED, 'task or workflow', null, array_keys(self::KINDS))
            ->addArgument('name', InputArgument::REQUIRED, 'Name of the manifest, or its path below a manifest path', null, $this->names(...))
            ->addOption('input', 'i', InputOption::VALUE_REQUIRED, 'Input as a JSON object; "-" reads it from standard input', '{}')
            ->addOption('wait', 'w', InputOption::VALUE_NONE, 'Show what happens until the run ends')
            ->addOption('timeout', null, InputOption::VALUE_REQUIRED, 'With --wait: stop waiting after so many seconds; the run goes on')
            ->addOption('idempotency-key', null, InputOption::VALUE_REQUIRED, 'Starting again with the same key gives the same run')
            ->addOption('correlation-id', null, InputOption::VALUE_REQUIRED, 'Ties together what belongs to one business case')
            ->addOption('label', null, InputOption::VALUE_REQUIRED | InputOption::VALUE_IS_ARRAY, 'A label to find the run by, as name=value', [])
            ->addOption('priority', null, InputOption::VALUE_REQUIRED, implode(', ', PriorityStamp::ALL), null, PriorityStamp::ALL)
            ->setHelp(<<<'HELP'
                The <info>%command.name%</info> command starts a run and prints its id. Workers carry it out.

                    <info>%command.full_name% workflow user-onboarding --input='{"email": "ada@example.org"}' --wait</info>

                Exit code: 0 started (with --wait: completed), 1 refused, failed or not ended in time, 2 wrong usage or the store failed.
                HELP);
        OutputFormat::addTo($this);
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        $kind = self::KINDS[self::text($input->getArgument('kind')) ?? ''] ?? null;
        if (null === $kind) {
            return Failure::usage(\sprintf('The first argument must be one of: %s.', implode(', ', array_keys(self::KINDS))), $output);
        }
        try {
            $format = OutputFormat::of($input);
            $data = self::input($input);
            $timeout = self::seconds($input);
            $labels = RunFilter::labels($input);
        } catch (InvalidOptionException $exception) {
            return Failure::usage($exception->getMessage(), $output);
        }
        $options = array_filter([
            'kind' => $kind,
            'idempotency_key' => self::text($input->getOption('idempotency-key')),
            'correlation_id' => self::text($input->getOption('correlation-id')),
            'priority' => self::text($input->getOption('priority')),
        ], static fn (?string $value): bool => null !== $value) + ([] === $labels ? [] : ['labels' => $labels]);
        try {
            $run = $this->runtime->start(self::text($input->getArgument('name')) ?? '', $data, $options);
            if (!$run->isNew()) {
                Failure::errors($output)->writeln('<comment>A run with this idempotency key exists already.</comment>');
            }

            return true === $input->getOption('wait')
                ? $this->wait($run->getId(), $timeout, $format, $output)
                : $this->started($run->getId(), $run->isNew(), $format, $output);
        } catch (EngineException $exception) {
            return Failure::show($exception, $output);
        }
    }

    private function started(string $id, bool $new, OutputFormat $format, OutputInterface $output): int
    {
        $output->writeln(OutputFormat::Json === $format ? OutputFormat::json(['id' => $id, 'new' => $new]) : $id);

        return Command::SUCCESS;
    }

    private function wait(string $id, ?int $timeout, OutputFormat $format, OutputInterface $output): int
    {
        $run = (new RunFollower($this->engine, $this->relay, Failure::errors($output), $this->transport))->follow($id, $timeout);
        if (OutputFormat::Json === $format) {
            $output->writeln(OutputFormat::json(RunData::ofRun($run)));
        } else {
            (new RunTimeline($output))->summary($run);
        }
        if (!$run->isTerminal()) {
            Failure::errors($output)->writeln(\sprintf('<comment>The run had not ended after %d s; it goes on. See: ossa:run:show %s</comment>', $timeout ?? 0, $id));
        }

        return 'completed' === $run->getStatus() ? Command::SUCCESS : Command::FAILURE;
    }

    /** @return list<string> */
    private function names(CompletionInput $input): array
    {
        $kind = self::KINDS[self::text($input->getArgument('kind')) ?? ''] ?? null;
        $names = [];
        foreach ($this->engine->manifests() as $manifest) {
            if (null !== $manifest->getName() && (null === $kind || $kind === $manifest->getKind())) {
                $names[] = $manifest->getName();
            }
        }

        return $names;
    }

    /** @return array<string, mixed> */
    private static function input(InputInterface $input): array
    {
        $json = self::text($input->getOption('input')) ?? '{}';
        if ('-' === $json) {
            $json = (string) stream_get_contents(\STDIN);
        }

        return get_object_vars(JsonObject::read('input', $json));
    }

    private static function seconds(InputInterface $input): ?int
    {
        $timeout = $input->getOption('timeout');
        if (null === $timeout) {
            return null;
        }
        $seconds = filter_var($timeout, \FILTER_VALIDATE_INT, ['options' => ['min_range' => 1]]);

        return \is_int($seconds) ? $seconds : throw new InvalidOptionException('The option "--timeout" must be a whole number of seconds.');
    }

    private static function text(mixed $value): ?string
    {
        return \is_string($value) ? $value : null;
    }
}
