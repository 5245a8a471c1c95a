<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Command;

use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ExceptionInterface as EngineException;
use Ossa\SymfonyRuntime\Console\Failure;
use Ossa\SymfonyRuntime\Console\OrderOptions;
use Ossa\SymfonyRuntime\Console\OutputFormat;
use Ossa\SymfonyRuntime\Console\RunArgument;
use Ossa\SymfonyRuntime\Console\RunOrder;
use Ossa\SymfonyRuntime\Relay\StepRelay;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Exception\InvalidOptionException;
use Symfony\Component\Console\Input\InputArgument;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;

/** One order of an operator to a run or one of its steps: `ossa:run:pause` and its siblings. */
final class RunOrderCommand extends Command
{
    public function __construct(
        private readonly Engine $engine,
        private readonly StepRelay $relay,
        private readonly RunOrder $order,
    ) {
        parent::__construct('ossa:run:'.$order->value);
    }

    protected function configure(): void
    {
        $this->setDescription($this->order->description());
        RunArgument::addTo($this, $this->engine);
        if ($this->order->isOfStep()) {
            $this->addArgument('step', InputArgument::REQUIRED, 'Id of the step');
        }
        OrderOptions::addTo($this);
        OutputFormat::addTo($this);
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        $id = RunArgument::of($input);
        $step = $this->order->isOfStep() ? $input->getArgument('step') : '';
        try {
            $format = OutputFormat::of($input);
            $done = $this->order->carryOut($this->engine->operator(OrderOptions::by($input)), $id, \is_string($step) ? $step : '', OrderOptions::reason($input));
            $this->relay->afterEngineCall();
            $status = $this->engine->run($id)?->getStatus() ?? 'unknown';
        } catch (InvalidOptionException $exception) {
            return Failure::usage($exception->getMessage(), $output);
        } catch (EngineException $exception) {
            return Failure::show($exception, $output);
        }
        if (!$done) {
            Failure::usage(\sprintf('Run %s has ended already: it is %s.', $id, $status), $output);

            return Command::FAILURE;
        }
        $output->writeln($format->statusOf($id, $status));

        return Command::SUCCESS;
    }
}
