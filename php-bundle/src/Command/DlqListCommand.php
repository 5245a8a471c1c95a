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

#[AsCommand('ossa:dlq:list', 'Lists messages that were given up, by channel, the oldest first')]
final class DlqListCommand extends DeadLetterCommand
{
    protected function configure(): void
    {
        DeadLetterFilter::addTo($this);
        $this
            ->addOption('limit', 'l', InputOption::VALUE_REQUIRED, 'At most so many', '20')
            ->addOption('after', null, InputOption::VALUE_REQUIRED, 'Behind the one with this id, which may be gone');
        OutputFormat::addTo($this);
    }

    protected function carryOut(InputInterface $input, OutputInterface $output): int
    {
        $format = OutputFormat::of($input);
        $limit = RunFilter::count($input, 'limit', 10000) ?? 20;
        $after = $input->getOption('after');
        $letters = $this->deadLetters()->list(DeadLetterFilter::of($input) + (\is_string($after) ? ['after' => $after] : []), 1 + $limit);
        $more = \count($letters) > $limit;
        $letters = \array_slice($letters, 0, $limit);
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
        if ($more) {
            $output->writeln(OutputFormatter::escape(\sprintf('There are more: --after=%s', $letters[$limit - 1]['id'])));
        }

        return Command::SUCCESS;
    }
}
