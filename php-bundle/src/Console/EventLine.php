<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Console;

use Symfony\Component\Console\Formatter\OutputFormatter;

/**
 * One event of a run as a line of text.
 *
 * @internal
 */
final class EventLine
{
    /**
     * @param array{version: int, at: int, type: string, ...} $event
     * @param int                                             $origin when the run began, in milliseconds since the Unix epoch
     */
    public static function of(array $event, int $origin): string
    {
        $step = \is_string($event['step'] ?? null) ? $event['step'] : '';
        $detail = self::detail($event);

        return rtrim(\sprintf(
            '%s  %s %s  %s',
            self::offset($event['at'] - $origin),
            self::coloured($event['type']),
            str_pad(OutputFormatter::escape($step), 24),
            OutputFormatter::escape($detail),
        ));
    }

    public static function offset(int $milliseconds): string
    {
        return \sprintf('%+9.3fs', $milliseconds / 1000);
    }

    /** @param array<string, mixed> $event */
    private static function detail(array $event): string
    {
        $attempt = \is_int($event['attempt'] ?? null) && $event['attempt'] > 0 ? 'attempt '.$event['attempt'] : null;
        $error = $event['error'] ?? null;
        $parts = match ($event['type'] ?? '') {
            'attempt_failed', 'step_failed', 'run_failed' => [$attempt, self::error($error), true === ($event['continued'] ?? null) ? '(the run goes on)' : null],
            'step_retry_scheduled' => [$attempt, \is_int($event['due'] ?? null) && \is_int($event['at'] ?? null) ? \sprintf('in %d ms', max(0, $event['due'] - $event['at'])) : null],
            'step_skipped' => [self::text($event, 'reason')],
            'step_fell_back' => ['to', self::text($event, 'fallback')],
            'child_started', 'child_closing', 'child_closed' => [$attempt, 'run', self::text($event, 'run')],
            'group_noted' => \is_int($event['ahead'] ?? null) && $event['ahead'] > 0 ? [\sprintf('behind %d runs', $event['ahead'])] : [],
            'variable_set' => [self::text($event, 'name')],
            'run_created' => [self::text($event, 'workflow')],
            'run_canceling', 'run_canceled', 'run_aborted', 'run_paused', 'run_resumed', 'run_quarantined', 'run_released' => [self::ordered($event)],
            'step_steered' => [self::text($event, 'order'), self::ordered($event)],
            'warned' => [self::text($event, 'message')],
            'validation_failed' => [self::text($event, 'subject'), \is_array($event['violations'] ?? null) ? implode('; ', array_filter($event['violations'], is_string(...))) : null],
            default => [$attempt],
        };

        return implode(' ', array_filter($parts, static fn (?string $part): bool => null !== $part && '' !== $part));
    }

    /** @param array<string, mixed> $event */
    private static function ordered(array $event): string
    {
        $by = self::text($event, 'by') ?? '';
        $reason = self::text($event, 'reason') ?? '';

        return ('' === $by ? '' : 'by '.$by).('' === $by || '' === $reason ? '' : ': ').$reason;
    }

    private static function error(mixed $error): ?string
    {
        if (!\is_array($error)) {
            return null;
        }
        $message = \is_string($error['message'] ?? null) ? $error['message'] : '';

        return (\is_string($error['code'] ?? null) ? $error['code'].': ' : '').mb_strimwidth(str_replace("\n", ' ', $message), 0, 160, '…');
    }

    /** @param array<string, mixed> $event */
    private static function text(array $event, string $key): ?string
    {
        return \is_string($event[$key] ?? null) ? $event[$key] : null;
    }

    private static function coloured(string $type): string
    {
        $colour = match ($type) {
            'step_completed', 'run_completed' => 'green',
            'attempt_failed', 'step_failed', 'run_failed', 'validation_failed' => 'red',
            'step_retry_scheduled', 'step_fell_back', 'warned', 'step_canceled', 'run_canceled', 'run_aborted', 'run_paused', 'run_quarantined' => 'yellow',
            'step_skipped', 'variable_set' => 'gray',
            default => 'default',
        };

        return \sprintf('<fg=%s>%s</>', $colour, str_pad($type, 22));
    }
}
