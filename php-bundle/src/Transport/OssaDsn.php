<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Transport;

use Symfony\Component\Messenger\Exception\InvalidArgumentException;
use Symfony\Component\Messenger\Exception\LogicException;

/**
 * A DSN of an ossa transport, checked: `ossa://default?queue=…` is a queue of the engine's store, `ossa+redis://…` one of a
 * store or broker of its own. Neither its exceptions nor a dump of it show the DSN.
 */
final readonly class OssaDsn
{
    public const DEFAULT_QUEUE = 'default';

    private const OPTIONS = ['queue', 'dead_letter_queue', 'prefetch', 'ack_bound', 'lease_seconds'];
    /** Of a message broker: where messages go while it is away. */
    private const FALLBACK = 'fallback';
    private const NO_FALLBACK = 'off';

    private function __construct(
        public string $queue,
        public string $deadLetterQueue,
        public ?int $prefetch,
        public ?int $ackBound,
        public ?int $leaseSeconds,
        private ?string $store,
        private ?string $fallback,
        /** Whether it is a message broker, which keeps no runs and cannot show what waits in it. */
        public bool $isBroker,
    ) {
    }

    public static function supports(#[\SensitiveParameter] string $dsn): bool
    {
        return 1 === preg_match('~^ossa(\+[a-z0-9]*)?://~', $dsn);
    }

    /** Whether it is a queue of the engine's own store. */
    public static function namesEngine(#[\SensitiveParameter] string $dsn): bool
    {
        return str_starts_with($dsn, 'ossa://');
    }

    /**
     * @param array<array-key, mixed> $options as under `options` of the transport; the DSN's own win
     *
     * @throws InvalidArgumentException when a part is wrong
     * @throws LogicException           when an option does not exist
     */
    public static function parse(#[\SensitiveParameter] string $dsn, array $options = []): self
    {
        if (!self::supports($dsn)) {
            throw new InvalidArgumentException('The DSN of an ossa transport has the form "ossa://default?queue=NAME" or "ossa+redis://HOST?queue=NAME".');
        }
        [$place, $query] = explode('?', $dsn, 2) + [1 => ''];
        parse_str($query, $given);
        $options = $given + $options;
        $broker = 1 === preg_match('~^ossa\+amqps?:~', $dsn);
        $known = $broker ? [...self::OPTIONS, self::FALLBACK] : self::OPTIONS;
        $others = array_diff_key($options, array_flip($known));
        $store = null;
        if (self::namesEngine($dsn)) {
            self::checkPlace($place);
        } else {
            $store = substr($place, \strlen('ossa+')).([] === $others ? '' : '?'.http_build_query($others, encoding_type: \PHP_QUERY_RFC3986));
        }
        foreach (array_keys($others) as $name) {
            self::checkUnknown((string) $name, null !== $store);
        }
        $queue = self::name($options, 'queue') ?? self::DEFAULT_QUEUE;

        return new self(
            $queue,
            self::name($options, 'dead_letter_queue') ?? $queue.'.dead',
            self::number($options, 'prefetch', 1, 1000),
            self::number($options, 'ack_bound', 1, 1000),
            self::number($options, 'lease_seconds', 1, 86400),
            $store,
            $broker ? self::name($options, self::FALLBACK) : null,
            $broker,
        );
    }

    /** Whether the engine's store keeps what is sent while the broker is away. */
    public function hasFallback(): bool
    {
        return self::NO_FALLBACK !== $this->fallback;
    }

    /** Suffix of the queue for that; null = the usual one. */
    public function getFallbackSuffix(): ?string
    {
        return $this->hasFallback() ? $this->fallback : null;
    }

    /** DSN of the store or broker as the engine takes it; null = the engine's own store. */
    public function getStore(): ?string
    {
        return $this->store;
    }

    /** @return array<string, mixed> */
    public function __debugInfo(): array
    {
        return ['store' => null === $this->store ? null : '***'] + get_object_vars($this);
    }

    private static function checkPlace(#[\SensitiveParameter] string $place): void
    {
        $parts = parse_url($place);
        if (false === $parts || 'default' !== ($parts['host'] ?? '')) {
            throw new InvalidArgumentException('The host of an "ossa://" DSN names the store; it must be "default", the store of "ossa.runtime.state_backend". Another store is named by its scheme: "ossa+redis://HOST".');
        }
        foreach (['user', 'pass', 'port', 'path', 'fragment'] as $part) {
            if ('' !== (string) ($parts[$part] ?? '')) {
                throw new InvalidArgumentException(\sprintf('An "ossa://" DSN has no %s; options follow a question mark: "ossa://default?queue=NAME".', $part));
            }
        }
    }

    /** @param bool $known whether a store may know the option; then only what looks like a slip of the pen is refused here */
    private static function checkUnknown(string $name, bool $known): void
    {
        $nearest = null;
        foreach (self::OPTIONS as $option) {
            if (levenshtein($name, $option) <= \strlen($option) / 3) {
                $nearest = $option;
            }
        }
        if (null !== $nearest) {
            throw new LogicException(\sprintf('Unknown option "%s" of an ossa transport; did you mean "%s"?', $name, $nearest));
        }
        if (!$known) {
            throw new LogicException(\sprintf('Unknown option "%s" of an ossa transport; there are: %s.', $name, implode(', ', self::OPTIONS)));
        }
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
