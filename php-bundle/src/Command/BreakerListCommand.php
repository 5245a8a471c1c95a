<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Command;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\SymfonyRuntime\Console\Failure;
use Ossa\SymfonyRuntime\Console\OutputFormat;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Exception\InvalidOptionException;
use Symfony\Component\Console\Formatter\OutputFormatter;
use Symfony\Component\Console\Helper\Table;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;

#[AsCommand('ossa:breaker:list', 'Lists the circuit breakers that saw a failure lately')]
final class BreakerListCommand extends Command
{
    public function __construct(private readonly Engine $engine)
    {
        parent::__construct();
    }

    protected function configure(): void
    {
        OutputFormat::addTo($this);
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        try {
            $format = OutputFormat::of($input);
            $breakers = $this->engine->circuitBreakers()->all();
        } catch (InvalidOptionException $exception) {
            return Failure::usage($exception->getMessage(), $output);
        } catch (EngineException $exception) {
            return Failure::show($exception, $output);
        }
        if (OutputFormat::Json === $format) {
            $output->writeln(OutputFormat::json($breakers));

            return Command::SUCCESS;
        }
        if ([] === $breakers) {
            $output->writeln('No circuit breaker saw a failure lately.');

            return Command::SUCCESS;
        }
        $table = (new Table($output))->setStyle('compact')->setHeaders(['Breaker', 'Tenant', 'State', 'Failures', 'Until', 'Latest failure']);
        foreach ($breakers as $breaker) {
            $until = $breaker['until'] ?? $breaker['probe']['until'] ?? null;
            $table->addRow(array_map(OutputFormatter::escape(...), [
                $breaker['name'],
                $breaker['tenant'] ?? '',
                str_replace('_', '-', $breaker['state']),
                (string) $breaker['failures'],
                null === $until ? '' : date('Y-m-d H:i:s', intdiv($until, 1000)),
                $breaker['cause'] ?? '',
            ]));
        }
        $table->render();

        return Command::SUCCESS;
    }
}
