<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Console;

use Symfony\Component\Console\Exception\InvalidOptionException;

/**
 * Times and lengths of time on the command line and in the configuration.
 *
 * @internal
 */
final class TimeOption
{
    private const UNITS = ['s' => 1, 'm' => 60, 'h' => 3600, 'd' => 86400, 'w' => 604800];

    /** Seconds of `90s`, `45m`, `12h`, `30d` or `2w`; null when it is none of these. */
    public static function seconds(string $text): ?int
    {
        return 1 === preg_match('/^(\d{1,9})([smhdw])$/', $text, $parts) ? (int) $parts[1] * self::UNITS[$parts[2]] : null;
    }

    /**
     * Milliseconds since the Unix epoch of a time, of the beginning of a day in UTC, or of a length of time ago.
     *
     * @throws InvalidOptionException
     */
    public static function moment(string $option, string $text): int
    {
        $ago = self::seconds($text);
        if (null !== $ago) {
            return (int) ((microtime(true) - $ago) * 1000);
        }
        foreach (['Y-m-d\TH:i:sP', 'Y-m-d\TH:i:s.vP', '!Y-m-d'] as $format) {
            $moment = \DateTimeImmutable::createFromFormat($format, $text, new \DateTimeZone('UTC'));
            if (false !== $moment) {
                return max(0, (int) $moment->format('Uv'));
            }
        }

        throw new InvalidOptionException(\sprintf('The option "--%s" must be a time as 2026-11-21T09:30:00Z, a day as 2026-11-21, or a length of time ago as 12h.', $option));
    }
}
