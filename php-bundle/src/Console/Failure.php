<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Console;

use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\Runtime\Exception\InputException;
use Ossa\Runtime\Exception\ManifestException;
use Ossa\Runtime\Exception\StoreException;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Formatter\OutputFormatter;
use Symfony\Component\Console\Output\ConsoleOutputInterface;
use Symfony\Component\Console\Output\OutputInterface;

/**
 * Tells people why a command failed: on standard error, and by its exit code.
 *
 * @internal
 */
final class Failure
{
    private const BAD_DSN = 'OSSA-S001';

    /** @return int 1 for what was asked, 2 for the store */
    public static function show(EngineException $exception, OutputInterface $output): int
    {
        $lines = [\sprintf('<error>%s</error> %s', $exception->getErrorCode(), OutputFormatter::escape($exception->getMessage()))];
        if ($exception instanceof InputException) {
            foreach ($exception->getViolations() as $violation) {
                // The message repeats the first of them.
                if (!str_contains($exception->getMessage(), $violation)) {
                    $lines[] = '  '.OutputFormatter::escape($violation);
                }
            }
        }
        if ($exception instanceof ManifestException) {
            foreach ($exception->getDiagnostics() as $diagnostic) {
                $lines[] = OutputFormatter::escape($diagnostic->render());
            }
        }
        $help = self::BAD_DSN === $exception->getErrorCode() ? 'the store is set under "ossa.runtime.state_backend"' : $exception->getHelp();
        if (null !== $help) {
            $lines[] = 'help: '.OutputFormatter::escape($help);
        }
        self::errors($output)->writeln($lines);

        return $exception instanceof StoreException ? Command::INVALID : Command::FAILURE;
    }

    /** Says what is wrong with the command line. */
    public static function usage(string $message, OutputInterface $output): int
    {
        self::errors($output)->writeln('<error>'.OutputFormatter::escape($message).'</error>');

        return Command::INVALID;
    }

    public static function errors(OutputInterface $output): OutputInterface
    {
        return $output instanceof ConsoleOutputInterface ? $output->getErrorOutput() : $output;
    }
}
