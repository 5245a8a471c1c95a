<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Command;

use Ossa\SymfonyRuntime\Console\DeadLetterCommand;
use Ossa\SymfonyRuntime\Console\DeadLetterFilter;
use Ossa\SymfonyRuntime\Console\OutputFormat;
use Ossa\SymfonyRuntime\Console\RunFilter;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Formatter\OutputFormatter;
use Symfony\Component\Console\Helper\Table;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;
use Symfony\Component\Console\Output\OutputInterface;

#[AsCommand('ossa:dlq:list', 'Lists messages that were given up, the newest first')]
final class DlqListCommand extends DeadLetterCommand
{
    protected function configure(): void
    {
        DeadLetterFilter::addTo($this);
        $this->addOption('limit', 'l', InputOption::VALUE_REQUIRED, 'At most so many', '20');
        OutputFormat::addTo($this);
    }

    protected function carryOut(InputInterface $input, OutputInterface $output): int
    {
        $format = OutputFormat::of($input);
        $letters = $this->deadLetters()->list(DeadLetterFilter::of($input), RunFilter::count($input, 'limit', 10000) ?? 20);
        if (OutputFormat::Json === $format) {
            $output->writeln(OutputFormat::json($letters));

            return Command::SUCCESS;
        }
        if ([] === $letters) {
            $output->writeln('There are no such dead letters.');

            return Command::SUCCESS;
        }
        $table = (new Table($output))->setStyle('compact')->setHeaders(['Dead letter', 'Given up', 'Message', 'For', 'Reason', 'Attempts', 'Error']);
        foreach ($letters as $letter) {
            $table->addRow(array_map(OutputFormatter::escape(...), [
                $letter['id'],
                date('Y-m-d H:i:s', intdiv($letter['at_ms'], 1000)),
                $letter['message_id'],
                $letter['subscriber'] ?? '',
                $letter['reason'],
                (string) $letter['attempts'],
                $letter['error_code'].': '.$letter['error'],
            ]));
        }
        $table->render();

        return Command::SUCCESS;
    }
}
