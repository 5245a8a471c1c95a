<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Console;

use Ossa\Runtime\DeadLetters;
use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Exception\InvalidOptionException;
use Symfony\Component\Console\Input\InputArgument;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;
use Symfony\Component\Console\Output\OutputInterface;

/**
 * What the commands on dead letters share: whose name changes are made in, and how failures are told.
 *
 * @internal
 */
abstract class DeadLetterCommand extends Command
{
    public function __construct(private readonly Engine $engine)
    {
        parent::__construct();
    }

    /**
     * @return int the exit code
     *
     * @throws EngineException
     * @throws InvalidOptionException
     */
    abstract protected function carryOut(InputInterface $input, OutputInterface $output): int;

    final protected function execute(InputInterface $input, OutputInterface $output): int
    {
        try {
            return $this->carryOut($input, $output);
        } catch (InvalidOptionException $exception) {
            return Failure::usage($exception->getMessage(), $output);
        } catch (EngineException $exception) {
            return Failure::show($exception, $output);
        }
    }

    protected function addIdArgument(int $mode = InputArgument::REQUIRED): void
    {
        $this->addArgument('id', $mode, 'Id of the dead letter, as "ossa:dlq:list" shows it', null, fn (): array => array_column($this->deadLetters()->list(limit: 50), 'id'));
    }

    protected function addOrderOptions(): void
    {
        $this
            ->addOption('by', null, InputOption::VALUE_REQUIRED, 'Who orders it; the user of this process if not given')
            ->addOption('reason', null, InputOption::VALUE_REQUIRED, 'Why, for the record of changes');
    }

    protected function deadLetters(?InputInterface $input = null): DeadLetters
    {
        $by = null !== $input && $input->hasOption('by') ? $input->getOption('by') : null;

        return $this->engine->deadLetters(\is_string($by) ? $by : (string) getenv('USER'));
    }

    protected static function reason(InputInterface $input): string
    {
        $reason = $input->getOption('reason');

        return \is_string($reason) ? $reason : '';
    }

    protected static function id(InputInterface $input): string
    {
        $id = $input->getArgument('id');
        \assert(\is_string($id));

        return $id;
    }
}
