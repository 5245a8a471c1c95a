<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Command;

use Ossa\SymfonyRuntime\Console\DeadLetterCommand;
use Ossa\SymfonyRuntime\Console\JsonObject;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Formatter\OutputFormatter;
use Symfony\Component\Console\Input\InputArgument;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;

#[AsCommand('ossa:dlq:edit', 'Has a replay deliver another payload; the original stays')]
final class DlqEditCommand extends DeadLetterCommand
{
    protected function configure(): void
    {
        $this->addIdArgument();
        $this->addArgument('payload', InputArgument::REQUIRED, 'The new payload, a JSON object');
        $this->addOrderOptions();
    }

    protected function carryOut(InputInterface $input, OutputInterface $output): int
    {
        $payload = $input->getArgument('payload');
        \assert(\is_string($payload));
        $this->deadLetters($input)->edit(self::id($input), JsonObject::read('payload', $payload), self::reason($input));
        $output->writeln(\sprintf('A replay of %s delivers the new payload.', OutputFormatter::escape(self::id($input))));

        return Command::SUCCESS;
    }
}
