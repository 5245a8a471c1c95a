<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Command;

use Ossa\SymfonyRuntime\Console\DeadLetterCommand;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Formatter\OutputFormatter;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;

#[AsCommand('ossa:dlq:remove', 'Removes a message that was given up')]
final class DlqRemoveCommand extends DeadLetterCommand
{
    protected function configure(): void
    {
        $this->addIdArgument();
        $this->addOrderOptions();
    }

    protected function carryOut(InputInterface $input, OutputInterface $output): int
    {
        $this->deadLetters($input)->remove(self::id($input), self::reason($input));
        $output->writeln(\sprintf('%s is removed.', OutputFormatter::escape(self::id($input))));

        return Command::SUCCESS;
    }
}
