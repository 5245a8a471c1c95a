<?php

declare(strict_types=1);

namespace ApiNormalizer\Agent;

use ApiNormalizer\Notebook;
use Ossa\SymfonyRuntime\Attribute\AsCapability;

/** Checks what was normalized, writes the page of an endpoint, and tells its readers. */
final readonly class Documenter
{
    public function __construct(private Notebook $notebook)
    {
    }

    /**
     * @param array<string, string> $fields
     *
     * @return array{fields: array<string, string>}
     */
    #[AsCapability('validate_fields')]
    public function validate(string $endpoint, array $fields): array
    {
        return [] === $fields ? throw new EmptyResponse(\sprintf('%s answers nothing', $endpoint)) : ['fields' => $fields];
    }

    /**
     * @param array<string, string> $fields
     *
     * @return array{page: string}
     */
    #[AsCapability('document_endpoint')]
    public function document(string $endpoint, array $fields): array
    {
        $page = 'pages'.$endpoint;
        $this->notebook->add($page, implode(', ', array_map(static fn (string $name, string $type): string => $name.': '.$type, array_keys($fields), $fields)));

        return ['page' => $page];
    }

    #[AsCapability('notify_readers')]
    public function notify(string $endpoint, string $page): void
    {
        $this->notebook->add('notifications', \sprintf('%s is documented in %s', $endpoint, $page));
    }
}
