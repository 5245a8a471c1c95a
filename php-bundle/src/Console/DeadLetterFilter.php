<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Console;

use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Exception\InvalidOptionException;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;

/**
 * The options by which commands choose dead letters.
 *
 * @internal
 */
final class DeadLetterFilter
{
    private const TEXTS = ['channel' => 'channel', 'subscriber' => 'subscriber', 'why' => 'reason', 'code' => 'error_code'];
    private const TIMES = ['since' => 'since_ms', 'until' => 'until_ms'];

    public static function addTo(Command $command): void
    {
        $command
            ->addOption('channel', null, InputOption::VALUE_REQUIRED, 'Only those of this channel, or of channels that match this pattern')
            ->addOption('subscriber', null, InputOption::VALUE_REQUIRED, 'Only those that this listener, agent or workflow could not handle')
            ->addOption('why', null, InputOption::VALUE_REQUIRED, 'Only those with this reason, such as handler_failed')
            ->addOption('code', null, InputOption::VALUE_REQUIRED, 'Only those with this error code')
            ->addOption('since', null, InputOption::VALUE_REQUIRED, 'Only those given up then or later: a time, a day, or a length of time ago (12h)')
            ->addOption('until', null, InputOption::VALUE_REQUIRED, 'Only those given up before');
    }

    /**
     * @return array{channel?: string, subscriber?: string, reason?: string, error_code?: string, since_ms?: int, until_ms?: int}
     *
     * @throws InvalidOptionException when a time is none
     */
    public static function of(InputInterface $input): array
    {
        $filter = [];
        foreach (self::TEXTS as $option => $key) {
            $value = $input->getOption($option);
            if (\is_string($value)) {
                $filter[$key] = $value;
            }
        }
        foreach (self::TIMES as $option => $key) {
            $value = $input->getOption($option);
            if (\is_string($value)) {
                $filter[$key] = TimeOption::moment($option, $value);
            }
        }

        return $filter;
    }
}
