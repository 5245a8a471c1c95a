<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Transport;

use Symfony\Component\Messenger\Exception\InvalidArgumentException;
use Symfony\Component\Messenger\Exception\LogicException;

/**
 * An `ossa://default?queue=…` DSN, checked. No message of its exceptions shows the DSN itself.
 */
final readonly class OssaDsn
{
    public const SCHEME = 'ossa';
    public const DEFAULT_QUEUE = 'default';

    private const OPTIONS = ['queue', 'dead_letter_queue', 'prefetch', 'lease_seconds'];

    private function __construct(
        public string $queue,
        public string $deadLetterQueue,
        public ?int $prefetch,
        public ?int $leaseSeconds,
    ) {
    }

    public static function supports(#[\SensitiveParameter] string $dsn): bool
    {
        return str_starts_with($dsn, self::SCHEME.'://');
    }

    /**
     * @param array<array-key, mixed> $options as under `options` of the transport; the DSN's own win
     *
     * @throws InvalidArgumentException when a part is wrong
     * @throws LogicException           when an option does not exist
     */
    public static function parse(#[\SensitiveParameter] string $dsn, array $options = []): self
    {
        $parts = self::supports($dsn) ? parse_url($dsn) : false;
        if (false === $parts) {
            throw new InvalidArgumentException('The DSN of an ossa transport has the form "ossa://default?queue=NAME".');
        }
        if ('default' !== ($parts['host'] ?? '')) {
            throw new InvalidArgumentException('The host of an "ossa://" DSN names the store; it must be "default", the store of "ossa.runtime.state_backend".');
        }
        foreach (['user', 'pass', 'port', 'path', 'fragment'] as $part) {
            if ('' !== (string) ($parts[$part] ?? '')) {
                throw new InvalidArgumentException(\sprintf('An "ossa://" DSN has no %s; options follow a question mark: "ossa://default?queue=NAME".', $part));
            }
        }
        parse_str($parts['query'] ?? '', $query);
        $options = $query + $options;
        $unknown = array_diff(array_keys($options), self::OPTIONS);
        if ([] !== $unknown) {
            throw new LogicException(\sprintf('Unknown option "%s" of an ossa transport; there are: %s.', implode('", "', $unknown), implode(', ', self::OPTIONS)));
        }
        $queue = self::name($options, 'queue') ?? self::DEFAULT_QUEUE;

        return new self(
            $queue,
            self::name($options, 'dead_letter_queue') ?? $queue.'.dead',
            self::number($options, 'prefetch', 1, 1000),
            self::number($options, 'lease_seconds', 1, 86400),
        );
    }

    /** @param array<array-key, mixed> $options */
    private static function name(array $options, string $option): ?string
    {
        $value = $options[$option] ?? null;
        if (null === $value) {
            return null;
        }
        if (!\is_string($value) || 1 !== preg_match('/^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/', $value)) {
            throw new InvalidArgumentException(\sprintf('The option "%s" of an ossa transport must be a name of letters, digits, ".", "_" and "-".', $option));
        }

        return $value;
    }

    /** @param array<array-key, mixed> $options */
    private static function number(array $options, string $option, int $min, int $max): ?int
    {
        $value = $options[$option] ?? null;
        if (null === $value) {
            return null;
        }
        $number = filter_var($value, \FILTER_VALIDATE_INT, ['options' => ['min_range' => $min, 'max_range' => $max]]);

        return false !== $number ? $number : throw new InvalidArgumentException(\sprintf('The option "%s" of an ossa transport must be a whole number from %d to %d.', $option, $min, $max));
    }
}
