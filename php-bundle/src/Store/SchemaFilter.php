<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Store;

use Doctrine\DBAL\Schema\AbstractAsset;

/**
 * Keeps the tables of the store out of the sight of Doctrine's schema tools, which would drop them: no entity maps them.
 *
 * @internal
 */
final readonly class SchemaFilter
{
    private string $prefix;

    public function __construct(string $stateBackend)
    {
        $this->prefix = DoctrineDsn::supports($stateBackend) ? DoctrineDsn::parse($stateBackend)->prefix : '';
    }

    /** @return bool whether the tools may see it */
    public function __invoke(string|AbstractAsset $asset): bool
    {
        $name = \is_string($asset) ? $asset : $asset->getName();
        // PostgreSQL's names may begin with the schema.
        $name = substr((string) strrchr('.'.$name, '.'), 1);

        return '' === $this->prefix || !str_starts_with(trim($name, '`"'), $this->prefix);
    }
}
