<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Command;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\SymfonyRuntime\Console\Failure;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Formatter\OutputFormatter;
use Symfony\Component\Console\Input\InputArgument;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;
use Symfony\Component\Console\Output\OutputInterface;

#[AsCommand('ossa:breaker:reset', 'Closes a circuit breaker and forgets what it counted')]
final class BreakerResetCommand extends Command
{
    public function __construct(private readonly Engine $engine)
    {
        parent::__construct();
    }

    protected function configure(): void
    {
        $this
            ->addArgument('name', InputArgument::REQUIRED, 'What it guards: a capability, or another name of a handler', null, fn (): array => array_column($this->engine->circuitBreakers()->all(), 'name'))
            ->addOption('tenant', null, InputOption::VALUE_REQUIRED, 'For whom');
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        $name = $input->getArgument('name');
        $tenant = $input->getOption('tenant');
        \assert(\is_string($name) && (null === $tenant || \is_string($tenant)));
        try {
            $found = $this->engine->circuitBreakers()->reset($name, $tenant);
        } catch (EngineException $exception) {
            return Failure::show($exception, $output);
        }
        if (!$found) {
            Failure::errors($output)->writeln(\sprintf('The circuit breaker of "%s" saw no failure.', OutputFormatter::escape($name)));

            return Command::FAILURE;
        }
        $output->writeln(\sprintf('The circuit breaker of "%s" is closed.', OutputFormatter::escape($name)));

        return Command::SUCCESS;
    }
}
