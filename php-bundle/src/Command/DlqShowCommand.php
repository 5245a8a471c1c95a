<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Command;

use Ossa\SymfonyRuntime\Console\DeadLetterCommand;
use Ossa\SymfonyRuntime\Console\OutputFormat;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Formatter\OutputFormatter;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;

#[AsCommand('ossa:dlq:show', 'Shows a message that was given up: why, and what it says')]
final class DlqShowCommand extends DeadLetterCommand
{
    protected function configure(): void
    {
        $this->addIdArgument();
        OutputFormat::addTo($this);
    }

    protected function carryOut(InputInterface $input, OutputInterface $output): int
    {
        $format = OutputFormat::of($input);
        $letter = $this->deadLetters()->show(self::id($input));
        if (OutputFormat::Json === $format) {
            $output->writeln(OutputFormat::json($letter));

            return Command::SUCCESS;
        }
        $facts = [
            'Dead letter' => $letter['id'],
            'Message' => \sprintf('%s on %s, from %s', $letter['message_id'], $letter['channel'], $letter['source']),
            'For' => $letter['subscriber'] ?? '',
            'Given up' => date('Y-m-d H:i:s', intdiv($letter['at_ms'], 1000)),
            'Reason' => \sprintf('%s after %d attempts', $letter['reason'], $letter['attempts']),
            'Error' => $letter['error_code'].': '.$letter['error'],
            'As published' => mb_scrub($letter['original'], 'UTF-8'),
            'As edited' => $letter['edited'] ?? '',
        ];
        foreach ($facts as $name => $value) {
            if ('' !== $value) {
                $output->writeln(\sprintf('%-13s %s', $name.':', OutputFormatter::escape($value)));
            }
        }
        foreach ($letter['edits'] as $edit) {
            $output->writeln(OutputFormatter::escape(\sprintf('%-13s %s by %s%s', 'Edited:', date('Y-m-d H:i:s', intdiv($edit['at_ms'], 1000)), $edit['by'], '' === $edit['reason'] ? '' : ' ('.$edit['reason'].')')));
        }

        return Command::SUCCESS;
    }
}
