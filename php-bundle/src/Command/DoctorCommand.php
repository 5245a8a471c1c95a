<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Command;

use Ossa\SymfonyRuntime\Console\Failure;
use Ossa\SymfonyRuntime\Console\OutputFormat;
use Ossa\SymfonyRuntime\Doctor\Doctor;
use Ossa\SymfonyRuntime\Doctor\Examined;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Exception\InvalidOptionException;
use Symfony\Component\Console\Formatter\OutputFormatter;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;

#[AsCommand('ossa:doctor', 'Checks the whole installation and says what to change')]
final class DoctorCommand extends Command
{
    public function __construct(private readonly Doctor $doctor)
    {
        parent::__construct();
    }

    protected function configure(): void
    {
        $this->setHelp(<<<'HELP'
            Looks at the extension, the store, the transports, the manifests, the handlers that their steps call, and the clock. It writes to the store and removes what it wrote.

            Exit code: 0 all is well, 1 there are warnings, 2 something does not work.
            HELP);
        OutputFormat::addTo($this);
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        try {
            $format = OutputFormat::of($input);
        } catch (InvalidOptionException $exception) {
            return Failure::usage($exception->getMessage(), $output);
        }
        $examined = $this->doctor->examine();
        if (OutputFormat::Json === $format) {
            $output->writeln(OutputFormat::json($examined));
        } else {
            array_map(static fn (Examined $it) => self::print($it, $output), $examined);
        }
        $conditions = array_map(static fn (Examined $it): string => $it->condition, $examined);

        return match (true) {
            \in_array(Examined::BROKEN, $conditions, true) => Command::INVALID,
            \in_array(Examined::WARNING, $conditions, true) => Command::FAILURE,
            default => Command::SUCCESS,
        };
    }

    private static function print(Examined $examined, OutputInterface $output): void
    {
        $style = match ($examined->condition) {
            Examined::BROKEN => 'fg=red',
            Examined::WARNING => 'comment',
            default => 'info',
        };
        $output->writeln(\sprintf('<%s>%-8s</> %-10s %s', $style, $examined->condition, $examined->subject, OutputFormatter::escape($examined->found)));
        if (null !== $examined->remedy) {
            $output->writeln(\sprintf('%-19s → %s', '', OutputFormatter::escape($examined->remedy)));
        }
    }
}
