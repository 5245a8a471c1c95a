<?php

declare(strict_types=1);

namespace ApiNormalizer\Agent;

use ApiNormalizer\Notebook;
use Ossa\SymfonyRuntime\Attribute\AsChannelListener;

/** The agents that rules send messages to. */
final readonly class Readers
{
    private const OWNERS = ['/users' => 'Ada', '/orders' => 'Grace'];

    public function __construct(private Notebook $notebook)
    {
    }

    /** @param array<string, string> $fields */
    #[AsChannelListener(agent: 'catalogue')]
    public function list(string $endpoint, array $fields): void
    {
        $this->notebook->add('catalogue', \sprintf('%s has %d fields', $endpoint, \count($fields)));
    }

    /**
     * @param list<string> $added
     * @param list<string> $removed
     */
    #[AsChannelListener(agent: 'changelog')]
    public function change(string $endpoint, array $added, array $removed): void
    {
        $this->notebook->add('changelog', \sprintf('%s: added %s; removed %s', $endpoint, self::names($added), self::names($removed)));
    }

    /** @param list<string> $lost */
    #[AsChannelListener(agent: 'on-call')]
    public function wake(string $endpoint, array $lost): void
    {
        $owner = self::OWNERS[$endpoint] ?? throw new \RuntimeException(\sprintf('nobody owns %s', $endpoint));
        $this->notebook->add('on-call', \sprintf('%s was told that %s lost %s', $owner, $endpoint, self::names($lost)));
    }

    /** @param list<string> $names */
    private static function names(array $names): string
    {
        return [] === $names ? 'nothing' : implode(', ', $names);
    }
}
