<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Store;

use Ossa\SymfonyRuntime\Exception\LogicException;

/**
 * A `doctrine://CONNECTION?prefix=…` DSN of the store, checked.
 *
 * @internal
 */
final readonly class DoctrineDsn
{
    public const DEFAULT_PREFIX = 'ossa_';

    private const SCHEME = 'doctrine://';
    private const OPTIONS = ['prefix', 'auto_setup', 'poll_ms'];

    private function __construct(
        public string $connection,
        public string $prefix,
        public bool $autoSetup,
        public int $pollMs,
    ) {
    }

    public static function supports(string $dsn): bool
    {
        return str_starts_with($dsn, self::SCHEME);
    }

    /** @throws LogicException when a part is wrong */
    public static function parse(string $dsn): self
    {
        [$connection, $query] = explode('?', substr($dsn, \strlen(self::SCHEME)), 2) + [1 => ''];
        if (1 !== preg_match('/^[A-Za-z0-9_.-]+$/', $connection)) {
            throw new LogicException('"ossa.runtime.state_backend" must name a connection of Doctrine, as in "doctrine://default".');
        }
        parse_str($query, $options);
        foreach (array_diff(array_map(strval(...), array_keys($options)), self::OPTIONS) as $unknown) {
            throw new LogicException(\sprintf('"ossa.runtime.state_backend" has an unknown option "%s". Did you mean "%s"? There are: %s.', $unknown, self::nearest($unknown), implode(', ', self::OPTIONS)));
        }
        $prefix = $options['prefix'] ?? self::DEFAULT_PREFIX;
        if (!\is_string($prefix) || 1 !== preg_match('/^[a-z][a-z0-9_]{0,29}$/', $prefix)) {
            throw new LogicException('The option "prefix" in "ossa.runtime.state_backend" must be 1 to 30 of the characters a-z, 0-9 and "_", a letter first.');
        }
        $autoSetup = filter_var($options['auto_setup'] ?? 'true', \FILTER_VALIDATE_BOOL, \FILTER_NULL_ON_FAILURE);
        if (null === $autoSetup) {
            throw new LogicException('The option "auto_setup" in "ossa.runtime.state_backend" must be true or false.');
        }
        $pollMs = filter_var($options['poll_ms'] ?? 50, \FILTER_VALIDATE_INT, ['options' => ['min_range' => 1, 'max_range' => 60000]]);
        if (false === $pollMs) {
            throw new LogicException('The option "poll_ms" in "ossa.runtime.state_backend" must be a whole number from 1 to 60000.');
        }

        return new self($connection, $prefix, $autoSetup, $pollMs);
    }

    private static function nearest(string $unknown): string
    {
        $options = self::OPTIONS;
        usort($options, static fn (string $a, string $b): int => levenshtein($unknown, $a) <=> levenshtein($unknown, $b));

        return $options[0];
    }
}
