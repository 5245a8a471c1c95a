<?php

declare(strict_types=1);

namespace Ossa\Tests\Store;

use Doctrine\DBAL\Connection;
use Doctrine\DBAL\DriverManager;
use Doctrine\DBAL\Exception\TableNotFoundException;
use Doctrine\DBAL\Tools\DsnParser;
use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\TransportException;
use Ossa\Runtime\Store\ConformanceSuite;
use Ossa\Runtime\Store\Schema;
use Ossa\SymfonyRuntime\Store\DoctrineConnection;
use Ossa\SymfonyRuntime\Store\SchemaFilter;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\TestCase;
use Symfony\Component\Filesystem\Filesystem;
use Symfony\Component\Process\Process;

/** The store in tables of a Doctrine connection, on one database. */
abstract class DoctrineStoreTestCase extends TestCase
{
    private const TASK = <<<'YAML'
        apiVersion: ossa/v0.3.0
        kind: Task
        metadata: {name: book}
        spec: {execution: {type: idempotent}, capabilities: [book]}
        YAML;

    /** @var array<class-string, array{dsn: string, connection: Connection}> by test class */
    private static array $databases = [];

    private string $folder;

    /** The DSN of an empty database, which this class has for itself. */
    abstract protected static function database(): string;

    protected function setUp(): void
    {
        $this->folder = sys_get_temp_dir().'/ossa-store-'.bin2hex(random_bytes(6));
        (new Filesystem())->dumpFile($this->folder.'/book.yaml', self::TASK);
        $connection = $this->connection();
        $clean = array_map(static fn (string $table): string => 'DELETE FROM ossa_'.$table, ['runs', 'run_labels', 'run_log', 'snapshots', 'timers', 'messages', 'kv', 'plans', 'stream']);
        foreach ([...$clean, "DELETE FROM ossa_meta WHERE name = 'signing_key'", 'UPDATE ossa_stream_end SET position = 0'] as $statement) {
            try {
                $connection->executeStatement($statement);
            } catch (TableNotFoundException) {
                // Not created yet. Asking for it beforehand would not find one in the schema that has the user's name.
            }
        }
    }

    protected function tearDown(): void
    {
        while ($this->connection()->isTransactionActive()) {
            $this->connection()->rollBack();
        }
        (new Filesystem())->remove($this->folder);
    }

    #[DataProvider('cases')]
    public function testItDoesWhatEveryStoreMust(string $case): void
    {
        self::assertNull(ConformanceSuite::run($case, $this->store()));
    }

    /** @return iterable<string, array{string}> */
    public static function cases(): iterable
    {
        foreach (ConformanceSuite::cases() as $case) {
            yield $case => [$case];
        }
    }

    public function testACaseThatDoesNotExistFails(): void
    {
        self::assertSame('there is no case `kv/nothing`', ConformanceSuite::run('kv/nothing', $this->store()));
    }

    public function testARunIsCommittedWithTheDataOfTheApplication(): void
    {
        $connection = $this->connection();
        $engine = $this->engine();
        $engine->transport()->setup();
        $connection->executeStatement('DROP TABLE IF EXISTS orders');
        $connection->executeStatement('CREATE TABLE orders (number INTEGER NOT NULL)');

        foreach ([7 => true, 8 => false] as $number => $commits) {
            $connection->beginTransaction();
            $connection->insert('orders', ['number' => $number]);
            $id = $engine->start('book', ['number' => $number])->getId();
            self::assertNotNull($engine->run($id), 'the transaction sees it');
            self::assertSame([], iterator_to_array($this->otherRuns()), 'nobody else does');
            if ($commits) {
                $connection->commit();
                self::assertSame([$id], iterator_to_array($this->otherRuns()));
                $engine->cancel($id);
                $this->otherConnection()->executeStatement('DELETE FROM ossa_runs');
            } else {
                $connection->rollBack();
                self::assertNull($engine->run($id));
            }
        }
        self::assertSame([7], array_map(intval(...), $connection->fetchFirstColumn('SELECT number FROM orders')));
        self::assertNull($engine->transport()->receive()[0] ?? null, 'there is no step of a run that was never started');
    }

    public function testAReportThatIsRolledBackIsNotRemembered(): void
    {
        $engine = $this->engine();
        $id = $engine->start('book')->getId();
        $token = $engine->transport()->receive()[0]->getToken();
        self::assertNotNull($token);

        $this->connection()->beginTransaction();
        $engine->complete($token, ['by' => 'one']);
        self::assertSame('completed', $engine->run($id)?->getStatus());
        $this->connection()->rollBack();
        self::assertSame('running', $engine->run($id)?->getStatus());

        $other = $this->engine($this->otherConnection());
        $other->complete($token, ['by' => 'another']);
        self::assertSame(['by' => 'another'], $engine->run($id)?->getOutput());
        self::assertSame('duplicate', $engine->complete($token, ['by' => 'one'])->getStatus());
    }

    public function testTablesAreNotCreatedInATransactionOfTheApplication(): void
    {
        $this->connection()->beginTransaction();
        $engine = Engine::over($this->store(), ['table_prefix' => 'late_']);

        try {
            $engine->transport()->count();
            self::fail('it should be refused');
        } catch (TransportException $exception) {
            self::assertStringContainsString('ossa:store:setup', $exception->getMessage());
        }
        $this->connection()->rollBack();
        self::assertFalse($this->connection()->createSchemaManager()->tablesExist(['late_runs']));
    }

    public function testStatementsForMigrationsMakeTheTables(): void
    {
        foreach (Schema::statements($this->store(), 'migrated_') as $statement) {
            $this->connection()->executeStatement($statement);
        }
        $engine = Engine::over($this->store(), ['table_prefix' => 'migrated_', 'auto_setup' => false]);

        self::assertSame(0, $engine->transport()->count());
    }

    public function testWhatTheDatabaseSaysIsThePreviousExceptionOfWhatTheEngineSays(): void
    {
        $engine = Engine::over($this->store(), ['table_prefix' => 'broken_']);
        $engine->transport()->setup();
        $this->connection()->executeStatement('DROP TABLE broken_messages');

        try {
            $engine->transport()->count();
            self::fail('it should fail');
        } catch (TransportException $exception) {
            self::assertInstanceOf(TableNotFoundException::class, $exception->getPrevious());
            self::assertStringContainsString($exception->getPrevious()->getMessage(), $exception->getMessage());
        } finally {
            foreach ($this->connection()->createSchemaManager()->listTableNames() as $table) {
                if (str_contains($table, 'broken_')) {
                    $this->connection()->executeStatement('DROP TABLE '.$table);
                }
            }
        }
    }

    public function testSchemaToolsDoNotSeeTheTables(): void
    {
        $this->engine()->transport()->setup();
        $connection = $this->otherConnection();
        $connection->executeStatement('DROP TABLE IF EXISTS orders');
        $connection->executeStatement('CREATE TABLE orders (number INTEGER NOT NULL)');
        $connection->getConfiguration()->setSchemaAssetsFilter(new SchemaFilter('doctrine://default'));

        $names = $connection->createSchemaManager()->listTableNames();

        self::assertContains('orders', array_map(static fn (string $name): string => substr((string) strrchr('.'.$name, '.'), 1), $names));
        self::assertSame([], array_filter($names, static fn (string $name): bool => str_contains($name, 'ossa_')));
    }

    public function testAnApplicationThatExitsInTheMiddleOfAQueryEnds(): void
    {
        $process = $this->process('exits');
        $process->run();

        self::assertSame(3, $process->getExitCode(), $process->getOutput().$process->getErrorOutput());
    }

    public function testProcessesNeverGetTheSameMessageNorLoseOne(): void
    {
        $messages = 60;
        $transport = $this->engine()->transport();
        $transport->setup();
        for ($number = 0; $number < $messages; ++$number) {
            $transport->send((string) $number);
        }

        $received = array_merge(...$this->inProcesses('consume'));
        sort($received);

        self::assertSame(range(0, $messages - 1), $received);
        self::assertSame(['ready' => 0, 'delayed' => 0, 'leased' => 0], $transport->counts());
    }

    public function testOfSeveralProcessesThatStartTheSameRunOneDoes(): void
    {
        $this->engine()->transport()->setup();

        $started = array_merge(...$this->inProcesses('start'));

        self::assertCount(10, array_unique(array_column($started, 0)), 'the run of each key');
        self::assertCount(10, array_filter($started, static fn (mixed $run): bool => \is_array($run) && true === $run[1]), 'is new once');
    }

    public function testProcessesThatChangeTheSameRunsLoseNoChange(): void
    {
        $engine = $this->engine();
        $ids = [];
        for ($number = 0; $number < 12; ++$number) {
            $ids[] = $engine->start('book', ['number' => $number])->getId();
        }

        $this->inProcesses('work');

        foreach ($ids as $number => $id) {
            self::assertSame(['completed', ['number' => $number]], [$engine->run($id)?->getStatus(), $engine->run($id)?->getOutput()]);
        }
    }

    protected function connection(): Connection
    {
        return (self::$databases[static::class] ??= $this->create())['connection'];
    }

    protected function store(): DoctrineConnection
    {
        return new DoctrineConnection($this->connection());
    }

    protected function engine(?Connection $connection = null): Engine
    {
        return Engine::over(new DoctrineConnection($connection ?? $this->connection()), ['manifest_roots' => [$this->folder]]);
    }

    /** What another process would have. */
    protected function otherConnection(): Connection
    {
        return self::connect(self::$databases[static::class]['dsn']);
    }

    public static function connect(string $dsn): Connection
    {
        $connection = DriverManager::getConnection((new DsnParser(['postgresql' => 'pdo_pgsql', 'mysql' => 'pdo_mysql', 'sqlite' => 'pdo_sqlite']))->parse($dsn));
        if (str_starts_with($dsn, 'sqlite')) {
            $connection->executeStatement('PRAGMA busy_timeout = 20000');
            $connection->executeStatement('PRAGMA journal_mode = WAL');
            $connection->executeStatement('PRAGMA synchronous = OFF');
        }

        return $connection;
    }

    /** @return iterable<string> ids of the runs that another connection sees */
    private function otherRuns(): iterable
    {
        foreach ($this->otherConnection()->fetchFirstColumn('SELECT rid FROM ossa_runs') as $id) {
            yield \is_string($id) ? $id : '';
        }
    }

    /** @return array{dsn: string, connection: Connection} */
    private function create(): array
    {
        $dsn = static::database();

        return ['dsn' => $dsn, 'connection' => self::connect($dsn)];
    }

    private function process(string $what): Process
    {
        $autoload = array_key_first(\Composer\Autoload\ClassLoader::getRegisteredLoaders()).'/autoload.php';

        return new Process([\PHP_BINARY, __DIR__.'/Fixture/process.php', $autoload, self::$databases[static::class]['dsn'], $this->folder, $what], timeout: 120);
    }

    /** @return list<list<mixed>> what each of four processes said */
    private function inProcesses(string $what): array
    {
        $processes = array_map(fn (): Process => $this->process($what), range(1, 4));
        array_walk($processes, static fn (Process $process) => $process->start());

        return array_map(static function (Process $process): array {
            $process->wait();
            self::assertSame(0, $process->getExitCode(), $process->getOutput().$process->getErrorOutput());
            $said = json_decode($process->getOutput(), true, flags: \JSON_THROW_ON_ERROR);

            return \is_array($said) ? array_values($said) : [];
        }, $processes);
    }
}
