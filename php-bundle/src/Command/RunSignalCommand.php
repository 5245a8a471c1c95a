<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Command;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\SymfonyRuntime\Console\Failure;
use Ossa\SymfonyRuntime\Console\JsonObject;
use Ossa\SymfonyRuntime\Console\OutputFormat;
use Ossa\SymfonyRuntime\Console\RunArgument;
use Ossa\SymfonyRuntime\OssaRuntime;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Exception\InvalidOptionException;
use Symfony\Component\Console\Input\InputArgument;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;
use Symfony\Component\Console\Output\OutputInterface;

#[AsCommand('ossa:run:signal', 'Sends an event to a run')]
final class RunSignalCommand extends Command
{
    public function __construct(
        private readonly Engine $engine,
        private readonly OssaRuntime $runtime,
    ) {
        parent::__construct();
    }

    protected function configure(): void
    {
        RunArgument::addTo($this, $this->engine);
        $this
            ->addArgument('event', InputArgument::REQUIRED, 'Its name, as in "event.type" of the step that waits')
            ->addOption('payload', null, InputOption::VALUE_REQUIRED, 'A JSON object', '{}');
        OutputFormat::addTo($this);
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        $id = RunArgument::of($input);
        $event = $input->getArgument('event');
        try {
            $format = OutputFormat::of($input);
            $status = $this->runtime->signal($id, \is_string($event) ? $event : '', self::payload($input));
        } catch (InvalidOptionException $exception) {
            return Failure::usage($exception->getMessage(), $output);
        } catch (EngineException $exception) {
            return Failure::show($exception, $output);
        }
        $output->writeln($format->statusOf($id, $status));

        return Command::SUCCESS;
    }

    /** @return array<string, mixed> */
    private static function payload(InputInterface $input): array
    {
        $json = $input->getOption('payload');

        return get_object_vars(JsonObject::read('payload', \is_string($json) ? $json : ''));
    }
}
