<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime;

use Doctrine\DBAL\Connection;
use Doctrine\Persistence\ConnectionRegistry;
use Ossa\Runtime\Engine;
use Ossa\Runtime\Store\Schema;
use Ossa\SymfonyRuntime\Channel\MessageTransforms;
use Ossa\SymfonyRuntime\Exception\LogicException;
use Ossa\SymfonyRuntime\Store\DoctrineConnection;
use Ossa\SymfonyRuntime\Store\DoctrineDsn;
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
     * @param ConnectionRegistry|null                                                                  $connections      null where the application has no Doctrine
     * @param array<string, array<string, mixed>>                                                      $retries          policies of handlers, by name
     * @param array<string, array<string, mixed>>                                                      $breakers         the same of circuit breakers
     * @param array<string, array<string, mixed>>                                                      $channels         settings of channels, by name or pattern
     * @param MessageTransforms|null                                                                   $transforms       transforms of message routing in PHP
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
        private ?ConnectionRegistry $connections = null,
        private array $retries = [],
        private array $breakers = [],
        private array $channels = [],
        private ?MessageTransforms $transforms = null,
    ) {
    }

    public function create(): Engine
    {
        $native = $this->isNative();
        if (str_starts_with($this->transportDsn, 'sync://')) {
            throw new LogicException('"ossa.runtime.transport" is a "sync://" transport, which cannot wait for a retry. Use "ossa://default", and "in-memory://" in tests.');
        }

        $options = [
            'manifest_roots' => array_values(array_filter($this->manifestPaths, is_dir(...))),
            'level' => 'strict' === $this->validation ? 'strict' : 'lenient',
            'queue' => $native ? OssaDsn::parse($this->transportDsn, $this->queueOptions())->queue : OssaDsn::DEFAULT_QUEUE,
            'retry_owner' => $native ? 'engine' : 'host',
            'default_retry' => $this->defaultRetry,
            'retries' => $this->retries,
            'breakers' => $this->breakers,
            'channels' => ['settings' => $this->channels],
            'callbacks' => $this->transforms?->callbacks() ?? [],
            'lease_seconds' => $this->leaseSeconds,
            'env' => array_filter($this->env, static fn (?string $value): bool => null !== $value),
        ];
        $dsn = $this->dsn();
        if (!DoctrineDsn::supports($dsn)) {
            return Engine::open($dsn, $options);
        }
        $dsn = DoctrineDsn::parse($dsn);

        return Engine::over($this->connection($dsn), $options + ['table_prefix' => $dsn->prefix, 'auto_setup' => $dsn->autoSetup, 'poll_ms' => $dsn->pollMs]);
    }

    /** Creates what is missing of the store, whatever its DSN says of that. */
    public function setUpStore(): void
    {
        $dsn = $this->dsn();
        if (DoctrineDsn::supports($dsn)) {
            $dsn = DoctrineDsn::parse($dsn);
            $engine = Engine::over($this->connection($dsn), ['table_prefix' => $dsn->prefix]);
        } else {
            $engine = Engine::open($dsn);
        }
        $engine->transport()->setup();
        $engine->close();
    }

    /** @return list<string>|null the statements that create the store; null when it is none in a SQL database of the application */
    public function storeSchema(): ?array
    {
        $dsn = $this->dsn();
        if (!DoctrineDsn::supports($dsn)) {
            return null;
        }
        $dsn = DoctrineDsn::parse($dsn);

        return Schema::statements($this->connection($dsn), $dsn->prefix);
    }

    /** Whether runs are kept through this connection, and so commit with what is written through it. */
    public function keepsRunsOn(Connection $connection): bool
    {
        $dsn = $this->dsn();

        return DoctrineDsn::supports($dsn) && $connection === $this->connections?->getConnection(DoctrineDsn::parse($dsn)->connection);
    }

    private function connection(DoctrineDsn $dsn): DoctrineConnection
    {
        if (null === $this->connections) {
            throw new LogicException('"ossa.runtime.state_backend" is a "doctrine://" DSN, which needs Doctrine: run "composer require doctrine/doctrine-bundle".');
        }
        try {
            $connection = $this->connections->getConnection($dsn->connection);
        } catch (\InvalidArgumentException $exception) {
            throw new LogicException(\sprintf('"ossa.runtime.state_backend" names the connection "%s" of Doctrine; there are: %s.', $dsn->connection, implode(', ', array_keys($this->connections->getConnectionNames()))), 0, $exception);
        }

        return $connection instanceof Connection ? new DoctrineConnection($connection) : throw new LogicException('"ossa.runtime.state_backend" must name a connection of Doctrine DBAL.');
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
