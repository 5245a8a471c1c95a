<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Command;

use Ossa\SymfonyRuntime\Console\DeadLetterCommand;
use Ossa\SymfonyRuntime\Console\DeadLetterFilter;
use Ossa\SymfonyRuntime\Console\OutputFormat;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Formatter\OutputFormatter;
use Symfony\Component\Console\Helper\Table;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;

#[AsCommand('ossa:dlq:stats', 'Counts the messages that were given up, by channel and reason')]
final class DlqStatsCommand extends DeadLetterCommand
{
    protected function configure(): void
    {
        DeadLetterFilter::addTo($this);
        OutputFormat::addTo($this);
    }

    protected function carryOut(InputInterface $input, OutputInterface $output): int
    {
        $format = OutputFormat::of($input);
        $stats = $this->deadLetters()->stats(DeadLetterFilter::of($input));
        if (OutputFormat::Json === $format) {
            $output->writeln(OutputFormat::json($stats));

            return Command::SUCCESS;
        }
        $table = (new Table($output))->setStyle('compact')->setHeaders(['Channel', 'Dead letters', 'Reasons']);
        foreach ($stats as $channel) {
            $reasons = array_map(static fn (string $reason, int $count): string => $reason.' '.$count, array_keys($channel['reasons']), $channel['reasons']);
            $table->addRow(array_map(OutputFormatter::escape(...), [$channel['channel'], (string) $channel['count'], implode(', ', $reasons)]));
        }
        $table->render();

        return Command::SUCCESS;
    }
}
