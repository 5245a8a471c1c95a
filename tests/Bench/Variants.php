<?php

declare(strict_types=1);

namespace Ossa\Tests\Bench;

use Doctrine\DBAL\DriverManager;
use Ossa\Runtime\Engine;
use Ossa\SymfonyRuntime\Transport\OssaTransport;
use Ossa\SymfonyRuntime\Transport\OssaTransportFactory;
use Ossa\SymfonyRuntime\Transport\WorkerTransports;
use Symfony\Component\Messenger\Bridge\Doctrine\Transport\Connection;
use Symfony\Component\Messenger\Bridge\Doctrine\Transport\DoctrineTransport;
use Symfony\Component\Messenger\Transport\Serialization\PhpSerializer;

final readonly class Variants
{
    public static function named(string $name): Variant
    {
        return self::all()[$name] ?? throw new \InvalidArgumentException(\sprintf('No variant "%s".', $name));
    }

    /**
     * @return non-empty-array<string, Variant>
     */
    public static function all(): array
    {
        return [
            'doctrine-sqlite' => new Variant('doctrine-sqlite', static function (string $folder): DoctrineTransport {
                $connection = DriverManager::getConnection(['driver' => 'pdo_sqlite', 'path' => $folder.'/doctrine.db']);

                return new DoctrineTransport(new Connection(['auto_setup' => true] + Connection::buildConfiguration('doctrine://default'), $connection), new PhpSerializer());
            }),
            'ossa-sqlite' => new Variant('ossa-sqlite', static fn (string $folder): OssaTransport => self::ossa($folder, 'full')),
            'ossa-sqlite-normal' => new Variant('ossa-sqlite-normal', static fn (string $folder): OssaTransport => self::ossa($folder, 'normal')),
        ];
    }

    private static function ossa(string $folder, string $synchronous): OssaTransport
    {
        $engine = Engine::open("sqlite://$folder/ossa.db?synchronous=$synchronous");
        $transports = new WorkerTransports();
        $transport = (new OssaTransportFactory(static fn (): Engine => $engine, $transports))
            ->createTransport('ossa://default?queue=bench', ['transport_name' => 'bench'], new PhpSerializer());
        // What the bundle's listener says when messenger:consume starts.
        $transports->workerStarted(['bench']);

        return $transport;
    }
}
