<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime;

use Ossa\Runtime\Engine;
use Ossa\SymfonyRuntime\Exception\LogicException;
use Ossa\SymfonyRuntime\Transport\OssaDsn;

/**
 * Opens the engine as configured. Values that come from environment variables are known only here.
 *
 * @internal
 */
final readonly class EngineFactory
{
    /**
     * @param string                                                                                   $transportDsn     DSN of the Messenger transport that steps go to; '' when it is not made from one
     * @param array<string, mixed>                                                                     $transportOptions options of that transport
     * @param list<string>                                                                             $manifestPaths
     * @param array{max_attempts: int, backoff: string, initial_delay_ms: int, max_delay_ms: int}|null $defaultRetry
     * @param array<string, string|null>                                                               $env
     */
    public function __construct(
        #[\SensitiveParameter] private string $stateBackend,
        #[\SensitiveParameter] private string $transportDsn,
        private array $transportOptions,
        private array $manifestPaths,
        private string $validation,
        private ?array $defaultRetry,
        private int $leaseSeconds,
        private array $env,
    ) {
    }

    public function create(): Engine
    {
        $native = $this->isNative();
        if (str_starts_with($this->transportDsn, 'sync://')) {
            throw new LogicException('"ossa.runtime.transport" is a "sync://" transport, which cannot wait for a retry. Use "ossa://default", and "in-memory://" in tests.');
        }

        return Engine::open($this->dsn(), [
            'manifest_roots' => array_values(array_filter($this->manifestPaths, is_dir(...))),
            'level' => 'strict' === $this->validation ? 'strict' : 'lenient',
            'queue' => $native ? OssaDsn::parse($this->transportDsn, $this->queueOptions())->queue : OssaDsn::DEFAULT_QUEUE,
            'retry_owner' => $native ? 'engine' : 'host',
            'default_retry' => $this->defaultRetry,
            'lease_seconds' => $this->leaseSeconds,
            'env' => array_filter($this->env, static fn (?string $value): bool => null !== $value),
        ]);
    }

    /** Whether workers read step items from the engine's own queue. */
    public function isNative(): bool
    {
        return OssaDsn::namesEngine($this->transportDsn);
    }

    /** @return array<string, mixed> */
    private function queueOptions(): array
    {
        return array_diff_key($this->transportOptions, ['transport_name' => true]);
    }

    private function dsn(): string
    {
        $dsn = match ($this->stateBackend) {
            'memory' => 'memory:',
            default => $this->stateBackend,
        };
        if (!str_contains($dsn, ':')) {
            throw new LogicException('"ossa.runtime.state_backend" must be a DSN: "sqlite:///%kernel.project_dir%/var/ossa.db", or "memory:" for tests.');
        }

        return $dsn;
    }
}
