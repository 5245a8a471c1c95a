<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Command;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\SymfonyRuntime\Console\Failure;
use Ossa\SymfonyRuntime\Console\OrderOptions;
use Ossa\SymfonyRuntime\Console\OutputFormat;
use Ossa\SymfonyRuntime\Console\RunArgument;
use Ossa\SymfonyRuntime\OssaRuntime;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Exception\InvalidOptionException;
use Symfony\Component\Console\Input\InputArgument;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;

#[AsCommand('ossa:run:decide', 'Answers a step that waits for a person')]
final class RunDecideCommand extends Command
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
            ->addArgument('step', InputArgument::REQUIRED, 'Id of the step')
            ->addArgument('decision', InputArgument::REQUIRED, '"approve" or "reject", or the form of a human task as JSON');
        OrderOptions::addTo($this);
        OutputFormat::addTo($this);
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        $id = RunArgument::of($input);
        try {
            $format = OutputFormat::of($input);
            $status = $this->runtime->decide($id, self::text($input, 'step'), self::decision(self::text($input, 'decision')), OrderOptions::by($input), OrderOptions::reason($input));
        } catch (InvalidOptionException $exception) {
            return Failure::usage($exception->getMessage(), $output);
        } catch (EngineException $exception) {
            return Failure::show($exception, $output);
        }
        $output->writeln($format->statusOf($id, $status));

        return Command::SUCCESS;
    }

    /** What is no JSON is a word. */
    private static function decision(string $text): mixed
    {
        return json_decode($text, true) ?? $text;
    }

    private static function text(InputInterface $input, string $name): string
    {
        $value = $input->getArgument($name);

        return \is_string($value) ? $value : '';
    }
}
