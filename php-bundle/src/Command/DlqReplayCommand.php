<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Command;

use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\SymfonyRuntime\Console\DeadLetterCommand;
use Ossa\SymfonyRuntime\Console\DeadLetterFilter;
use Ossa\SymfonyRuntime\Console\Failure;
use Ossa\SymfonyRuntime\Console\RunFilter;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Exception\InvalidOptionException;
use Symfony\Component\Console\Helper\ProgressBar;
use Symfony\Component\Console\Input\InputArgument;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;
use Symfony\Component\Console\Output\OutputInterface;

#[AsCommand('ossa:dlq:replay', 'Delivers messages again that were given up: one, or all that match')]
final class DlqReplayCommand extends DeadLetterCommand
{
    protected function configure(): void
    {
        $this->addIdArgument(InputArgument::OPTIONAL);
        DeadLetterFilter::addTo($this);
        $this
            ->addOption('all', null, InputOption::VALUE_NONE, 'All that match the other options, without an id')
            ->addOption('rate', null, InputOption::VALUE_REQUIRED, 'At most so many in a second')
            ->addOption('limit', 'l', InputOption::VALUE_REQUIRED, 'At most so many', '10000');
        $this->addOrderOptions();
    }

    protected function carryOut(InputInterface $input, OutputInterface $output): int
    {
        $filter = DeadLetterFilter::of($input);
        $one = $input->getArgument('id');
        if (\is_string($one)) {
            $ids = [$one];
        } elseif ([] !== $filter || true === $input->getOption('all')) {
            $ids = array_column($this->deadLetters()->list($filter, RunFilter::count($input, 'limit', 100000) ?? 10000), 'id');
        } else {
            throw new InvalidOptionException('Give the id of a dead letter, options that choose some, or "--all".');
        }
        $rate = RunFilter::count($input, 'rate', 100000);
        $bar = new ProgressBar(Failure::errors($output), \count($ids));
        $failed = 0;
        $deadLetters = $this->deadLetters($input);
        foreach ($bar->iterate($ids) as $id) {
            try {
                $deadLetters->replay($id, self::reason($input));
            } catch (EngineException $exception) {
                if (1 === \count($ids)) {
                    throw $exception;
                }
                // One that cannot be replayed does not stop the others.
                ++$failed;
                Failure::show($exception, $output);
            }
            if (null !== $rate) {
                usleep(intdiv(1_000_000, $rate));
            }
        }
        $output->writeln('');
        $output->writeln(\sprintf('%d of %d replayed.', \count($ids) - $failed, \count($ids)));

        return 0 === $failed ? Command::SUCCESS : Command::FAILURE;
    }
}
