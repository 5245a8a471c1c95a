<?php

declare(strict_types=1);

namespace Ossa\Tests\Bench;

use PHPUnit\Framework\SkippedTest;

/** The options of a benchmark, and the backends it is to measure. */
final readonly class Settings
{
    /**
     * @param array<string, positive-int> $numbers
     * @param list<string>                $wanted  backends
     */
    private function __construct(private array $numbers, private array $wanted)
    {
    }

    /**
     * @param array<string, positive-int> $defaults of the options that are numbers
     * @param list<string>                $choice   what may be given as `--backend`, any number of times
     */
    public static function read(array $defaults, array $choice = Variants::BACKENDS): self
    {
        $given = getopt('', ['backend:', ...array_map(static fn (string $name): string => $name.':', array_keys($defaults))]);
        $given = false === $given ? [] : $given;
        $numbers = [];
        foreach ($defaults as $name => $default) {
            $value = $given[$name] ?? null;
            $numbers[$name] = \is_string($value) ? max(1, (int) $value) : $default;
        }
        $wanted = array_map(strval(...), (array) ($given['backend'] ?? $choice));
        $unknown = array_diff($wanted, $choice);
        if ([] !== $unknown) {
            throw new \InvalidArgumentException(\sprintf('No backend "%s"; there are: %s.', implode('", "', $unknown), implode(', ', $choice)));
        }

        return new self($numbers, $wanted);
    }

    /** @return positive-int */
    public function number(string $name): int
    {
        return $this->numbers[$name] ?? throw new \LogicException(\sprintf('No option "%s".', $name));
    }

    /** @return list<string> */
    public function wanted(): array
    {
        return $this->wanted;
    }

    /**
     * What is compared on each backend, whose server runs meanwhile. Says which are left out, and why.
     *
     * @return iterable<string, non-empty-list<Variant>>
     */
    public function backends(): iterable
    {
        foreach ($this->wanted as $backend) {
            try {
                $server = Variants::start($backend);
            } catch (SkippedTest $skipped) {
                printf("\nskipped: %s because %s\n", $backend, $skipped->getMessage());
                continue;
            }
            printf("\n-- %s, load %.1f\n", $backend, Progress::load());
            try {
                yield $backend => Variants::of($backend);
            } finally {
                $server?->stop();
            }
        }
    }
}
