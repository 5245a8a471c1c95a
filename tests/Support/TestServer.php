<?php

declare(strict_types=1);

namespace Ossa\Tests\Support;

use PHPUnit\Framework\Assert;
use Symfony\Component\Filesystem\Filesystem;

/**
 * A throw-away server of the tests, started by `scripts/server` and gone with this object, even when the test is killed.
 *
 * A test that asks for a server that is not installed is skipped; with OSSA_REQUIRE_SERVERS=1 in the environment it fails.
 */
final class TestServer
{
    /** Exit code of `scripts/server` when the server is not installed. */
    private const NOT_INSTALLED = 69;

    /** @var resource|null of `scripts/server`, for as long as the server is to run */
    private $process;
    /** @var resource the server goes when this is closed */
    private $input;
    private int $pid = 0;
    private readonly int $owner;

    /** How a client reaches it, with user and password; the same after a restart. */
    public readonly string $dsn;
    /** On 127.0.0.1. */
    public readonly int $port;

    /** @var array<string, self> by name, for as long as the process lives */
    private static array $shared = [];

    /** @param list<string> $arguments for the server */
    private function __construct(
        private readonly string $name,
        private readonly array $arguments,
        private readonly string $folder,
    ) {
        $this->owner = (int) getmypid();
        $started = $this->launch();
        $this->dsn = $started['dsn'];
        $this->port = $started['port'];
    }

    /**
     * Starts `redis`, `postgresql`, `rabbitmq` or `mariadb` with an empty data folder.
     *
     * @param list<string> $arguments for the server
     * @param string|null  $disk      a folder to have that in; null = where temporary files are
     */
    public static function start(string $name, array $arguments = [], ?string $disk = null): self
    {
        $folder = ($disk ?? sys_get_temp_dir()).'/ossa-server-'.bin2hex(random_bytes(6));
        mkdir($folder, 0o755);

        return new self($name, $arguments, $folder);
    }

    /** One server for all tests that harm it in no way and use names of their own. */
    public static function shared(string $name): self
    {
        return self::$shared[$name] ??= self::start($name);
    }

    /** Kills the server as a power cut would: no chance to finish anything. {@see restart()} brings it back. */
    public function kill(): void
    {
        Assert::assertTrue(posix_kill($this->pid, \SIGKILL), \sprintf('%s runs', $this->name));
        $this->end();
    }

    /** Whether it has not ended by itself. */
    public function isRunning(): bool
    {
        return null !== $this->process && proc_get_status($this->process)['running'];
    }

    /** Starts it again, once it has ended, on the same port with the data it had. */
    public function restart(): void
    {
        $this->end();
        $this->launch($this->port);
    }

    public function stop(): void
    {
        $this->end();
        (new Filesystem())->remove($this->folder);
    }

    /** The process that forked keeps its server when the child ends. */
    public function __destruct()
    {
        if (getmypid() === $this->owner) {
            $this->stop();
        }
    }

    /** @return array{dsn: string, port: int, pid: int} */
    private function launch(?int $port = null): array
    {
        $errors = (string) tempnam(sys_get_temp_dir(), 'ossa-server-');
        $process = proc_open(
            [
                \dirname(__DIR__, 2).'/scripts/server', $this->name, '--dir', $this->folder,
                ...(null === $port ? [] : ['--port', (string) $port]),
                '--', ...$this->arguments,
            ],
            [['pipe', 'r'], ['pipe', 'w'], ['file', $errors, 'w']],
            $pipes,
        );
        \assert(\is_resource($process));
        [$this->input, $output] = $pipes;
        $line = fgets($output);
        fclose($output);
        $said = (string) file_get_contents($errors);
        unlink($errors);
        if (false === $line) {
            $code = proc_close($process);
            (new Filesystem())->remove($this->folder);
            if (self::NOT_INSTALLED === $code && '1' !== getenv('OSSA_REQUIRE_SERVERS')) {
                Assert::markTestSkipped($this->name.' is not installed');
            }
            Assert::fail(\sprintf('%s did not start (exit code %d): %s', $this->name, $code, $said));
        }
        $this->process = $process;
        /** @var array{dsn: string, port: int, pid: int} $started */
        $started = json_decode($line, true, flags: \JSON_THROW_ON_ERROR);
        $this->pid = $started['pid'];

        return $started;
    }

    private function end(): void
    {
        if (null === $this->process) {
            return;
        }
        fclose($this->input);
        proc_close($this->process);
        $this->process = null;
    }
}
