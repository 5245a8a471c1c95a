<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Command;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\SymfonyRuntime\Console\Failure;
use Ossa\SymfonyRuntime\Console\RunFilter;
use Ossa\SymfonyRuntime\Drain\ConfiguredTransports;
use Ossa\SymfonyRuntime\Drain\InFlight;
use Ossa\SymfonyRuntime\Drain\MoveOutcome;
use Ossa\SymfonyRuntime\Drain\TransportDrain;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Command\SignalableCommandInterface;
use Symfony\Component\Console\Exception\InvalidArgumentException;
use Symfony\Component\Console\Exception\InvalidOptionException;
use Symfony\Component\Console\Formatter\OutputFormatter;
use Symfony\Component\Console\Helper\ProgressBar;
use Symfony\Component\Console\Input\InputArgument;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;
use Symfony\Component\Console\Output\OutputInterface;
use Symfony\Component\Messenger\Exception\ExceptionInterface as MessengerException;
use Symfony\Component\Messenger\Transport\Receiver\MessageCountAwareInterface;
use Symfony\Component\Messenger\Transport\TransportInterface;

#[AsCommand('ossa:transport:drain', 'Moves all messages of one transport to another')]
final class TransportDrainCommand extends Command implements SignalableCommandInterface
{
    private bool $stopped = false;
    /** @var array<string, int> number of messages by outcome */
    private array $tally = [];

    public function __construct(
        private readonly ConfiguredTransports $transports,
        private readonly Engine $engine,
    ) {
        parent::__construct();
    }

    /** @return list<int> */
    public function getSubscribedSignals(): array
    {
        return \extension_loaded('pcntl') ? [\SIGTERM, \SIGINT] : [];
    }

    public function handleSignal(int $signal, int|false $previousExitCode = 0): int|false
    {
        $this->stopped = true;

        return false;
    }

    protected function configure(): void
    {
        $this
            ->addArgument('from', InputArgument::REQUIRED, 'Transport to empty', null, $this->transports->names(...))
            ->addArgument('to', InputArgument::REQUIRED, 'Transport that gets the messages', null, $this->transports->names(...))
            ->addOption('limit', 'l', InputOption::VALUE_REQUIRED, 'At most so many messages')
            ->addOption('wait', 'w', InputOption::VALUE_REQUIRED, 'End when there was no message for so many seconds', '1')
            ->addOption('dry-run', null, InputOption::VALUE_NONE, 'Only count them')
            ->setHelp(<<<'HELP'
                Works with any transport of <info>framework.messenger.transports</info>. Each message is sent, and acknowledged once that is confirmed. The command may be interrupted, or killed,
                at any moment and called again. When it was killed, the one message in flight can be in both transports; the next call recognises it if the messages of the first have
                ids and the second can be listed.

                Messages that are delayed, or in the hands of a worker, come once they are due or given back: wait for them with <info>--wait</info>, or call the command again.

                Exit code: 0 all that was there is moved, 1 something was left behind or the command was interrupted, 2 wrong usage or a transport failed.
                HELP);
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        $errors = Failure::errors($output);
        $this->tally = [];
        try {
            [$from, $to] = $this->names($input);
            $limit = RunFilter::count($input, 'limit', \PHP_INT_MAX);
            $patience = self::patience($input);
            $source = $this->transports->open($from);
            $target = $this->transports->open($to);
            $before = $this->counted([$from => $source, $to => $target], $output);
            if (true === $input->getOption('dry-run')) {
                return Command::SUCCESS;
            }
            $fromSerializer = $this->transports->serializer($from);
            $toSerializer = $this->transports->serializer($to);
            $inFlight = new InFlight($this->engine->keyValue('ossa.drain'), $from.' '.$to, $target);
            $drain = new TransportDrain($source, $target, $inFlight, $fromSerializer === $toSerializer ? null : [$fromSerializer, $toSerializer]);
            $this->move($drain->run($patience), $limit, new ProgressBar($errors, min($limit ?? \PHP_INT_MAX, $before[$from] ?? 0)));
            $inFlight->end();
            foreach ([$source, $target] as $transport) {
                if (method_exists($transport, 'close')) {
                    $transport->close();
                }
            }
            $this->counted([$from => $source, $to => $target], $output);
        } catch (InvalidArgumentException|InvalidOptionException $exception) {
            return Failure::usage($exception->getMessage(), $output);
        } catch (MessengerException $exception) {
            $errors->writeln('<error>'.OutputFormatter::escape($exception->getMessage()).'</error>');
            $this->tell($errors);

            return Command::INVALID;
        } catch (EngineException $exception) {
            Failure::show($exception, $output);
            $this->tell($errors);

            return Command::INVALID;
        }

        return $this->tell($errors);
    }

    /** @return array{string, string} */
    private function names(InputInterface $input): array
    {
        $names = [];
        foreach (['from', 'to'] as $argument) {
            $name = $input->getArgument($argument);
            $names[] = $name = \is_string($name) ? $name : '';
            if (!\in_array($name, $this->transports->names(), true)) {
                throw new InvalidArgumentException(\sprintf('There is no transport "%s"; there are: %s.', $name, implode(', ', $this->transports->names())));
            }
            if ($this->transports->isSync($name)) {
                throw new InvalidArgumentException(\sprintf('The transport "%s" keeps no messages: it is "sync://".', $name));
            }
        }
        if ($this->transports->areSame(...$names)) {
            throw new InvalidArgumentException('The two transports are one and the same queue.');
        }

        return $names;
    }

    private static function patience(InputInterface $input): float
    {
        $wait = filter_var($input->getOption('wait'), \FILTER_VALIDATE_FLOAT, ['options' => ['min_range' => 0]]);

        return false !== $wait ? $wait : throw new InvalidOptionException('The option "--wait" must be a number of seconds.');
    }

    /**
     * @param array<string, TransportInterface> $transports
     *
     * @return array<string, int> of those that can count
     */
    private function counted(array $transports, OutputInterface $output): array
    {
        $counts = [];
        foreach ($transports as $name => $transport) {
            if ($transport instanceof MessageCountAwareInterface) {
                $counts[$name] = $transport->getMessageCount();
            }
            $output->writeln(\sprintf('%s: %s messages', OutputFormatter::escape($name), $counts[$name] ?? 'an unknown number of'));
        }

        return $counts;
    }

    /** @param iterable<MoveOutcome|null> $moves */
    private function move(iterable $moves, ?int $limit, ProgressBar $progress): void
    {
        try {
            foreach ($moves as $outcome) {
                if (null !== $outcome) {
                    $this->tally[$outcome->name] = 1 + ($this->tally[$outcome->name] ?? 0);
                    $progress->advance();
                }
                if ($this->stopped || array_sum($this->tally) === $limit) {
                    return;
                }
            }
        } finally {
            $progress->clear();
        }
    }

    private function tell(OutputInterface $errors): int
    {
        $errors->writeln(\sprintf('%d messages moved', $this->tally[MoveOutcome::Moved->name] ?? 0));
        foreach ([
            [MoveOutcome::AlreadyThere, '%d messages had been moved before, by a command that was killed, and were acknowledged'],
            [MoveOutcome::NotDecodable, '<comment>%d messages could not be decoded and stay where they are</comment>'],
            [MoveOutcome::StepOfRun, '<comment>%d steps of runs stay where they are: they follow "ossa.runtime.transport"</comment>'],
        ] as [$outcome, $text]) {
            if (isset($this->tally[$outcome->name])) {
                $errors->writeln(\sprintf($text, $this->tally[$outcome->name]));
            }
        }
        if ($this->stopped) {
            $errors->writeln('<comment>interrupted; call the command again to go on</comment>');
        }
        $left = array_diff_key($this->tally, [MoveOutcome::Moved->name => 0, MoveOutcome::AlreadyThere->name => 0]);

        return [] === $left && !$this->stopped ? Command::SUCCESS : Command::FAILURE;
    }
}
