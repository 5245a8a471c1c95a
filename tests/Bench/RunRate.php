<?php

declare(strict_types=1);

namespace Ossa\Tests\Bench;

use Ossa\Runtime\Engine;
use Ossa\SymfonyRuntime\Store\DoctrineConnection;
use Ossa\Tests\Support\Transports;
use Symfony\Component\Filesystem\Filesystem;

/** How many runs of three steps are done in a second on a store: started, each step claimed and its output recorded. */
final readonly class RunRate
{
    public const STORES = ['sqlite', 'redis', 'postgresql', 'doctrine-sqlite', 'doctrine-postgresql'];
    public const STEPS = 3;

    private const MANIFESTS = <<<'YAML'
        apiVersion: ossa/v0.3.0
        kind: Workflow
        metadata: {name: onboarding}
        spec:
          steps:
            - {id: profile, kind: Task, inline: {execution: {type: idempotent, entrypoint: profile}}, input: {email: '${{ workflow.input.email }}'}}
            - {id: token, kind: Task, inline: {execution: {type: idempotent, entrypoint: token}}, input: {user: '${{ steps.profile.output.id }}'}}
            - {id: mail, kind: Task, inline: {execution: {type: idempotent, entrypoint: mail}}, input: {token: '${{ steps.token.output.id }}'}}
        YAML;

    public function __construct(private string $store, private TemporaryFolder $folder)
    {
        (new Filesystem())->dumpFile($folder->path.'/manifests/onboarding.yaml', self::MANIFESTS);
    }

    /** The server that a store needs. */
    public static function backend(string $store): string
    {
        return str_replace('doctrine-', '', $store);
    }

    /** @return float runs a second of so many workers together */
    public function measure(int $workers, float $seconds): float
    {
        // Sets up the store, so that no worker does.
        self::open($this->store, $this->folder->path)->transport()->setup();
        $processes = $pipes = [];
        for ($number = 0; $number < $workers; ++$number) {
            $process = proc_open([\PHP_BINARY, __DIR__.'/worker/runs.php', $this->store, $this->folder->path, (string) $seconds], [['pipe', 'r'], ['pipe', 'w']], $pipes[$number]);
            $processes[] = false !== $process ? $process : throw new \RuntimeException('A worker process does not start.');
        }
        array_walk($pipes, static fn (array $pipe) => fgets($pipe[1]));
        array_walk($pipes, static fn (array $pipe) => fwrite($pipe[0], "go\n"));
        $steps = array_sum(array_map(static fn (array $pipe): float => (float) fgets($pipe[1]), $pipes));
        array_map(proc_close(...), $processes);

        return $steps / self::STEPS / $seconds;
    }

    public static function open(string $store, string $folder): Engine
    {
        $name = strtr(basename($folder), '-', '_');
        $options = ['manifest_roots' => [$folder.'/manifests']];

        return match ($store) {
            'sqlite' => Engine::open('sqlite://'.$folder.'/ossa.db', $options),
            'redis' => Engine::open(Variants::server('redis').'?prefix='.$name, $options),
            'postgresql' => Engine::open(Variants::server('postgresql').'?schema='.$name, $options),
            'doctrine-sqlite' => Engine::over(new DoctrineConnection(Transports::connection('sqlite:///'.$folder.'/doctrine.db')), $options),
            'doctrine-postgresql' => Engine::over(new DoctrineConnection(Transports::connection(Variants::server('postgresql'))), $options + ['table_prefix' => $name.'_']),
            default => throw new \InvalidArgumentException(\sprintf('No store "%s".', $store)),
        };
    }
}
