<?php

declare(strict_types=1);

namespace Ossa\Tests\EndToEnd;

use Ossa\Tests\Support\SmallDisk;
use Ossa\Tests\Support\TcpProxy;
use Ossa\Tests\Support\WorkerClocks;
use PHPUnit\Framework\TestCase;
use Symfony\Component\Filesystem\Filesystem;

/** What {@see ChaosTest} lets faults happen with: a network, a disk and clocks. */
final class ChaosToolsTest extends TestCase
{
    /** @var resource */
    private $server;
    private TcpProxy $network;
    private string $folder;

    protected function setUp(): void
    {
        $server = stream_socket_server('tcp://127.0.0.1:0');
        self::assertIsResource($server);
        $this->server = $server;
        $this->network = TcpProxy::to((int) parse_url('tcp://'.stream_socket_get_name($server, false), \PHP_URL_PORT));
        $this->folder = sys_get_temp_dir().'/ossa-test-'.bin2hex(random_bytes(6));
        mkdir($this->folder);
    }

    protected function tearDown(): void
    {
        $this->network->stop();
        (new Filesystem())->remove($this->folder);
    }

    public function testTheNetworkPassesOnWhatIsSaidInBothDirections(): void
    {
        [$client, $peer] = $this->connection();
        $long = str_repeat('0123456789', 100_000)."\n";

        fwrite($client, "question\n");
        self::assertSame("question\n", fgets($peer));
        stream_set_blocking($peer, false);
        $answer = '';
        for ($rest = $long; \strlen($answer) < \strlen($long);) {
            $rest = substr($rest, (int) fwrite($peer, $rest));
            $answer .= fread($client, 65536);
        }
        self::assertSame($long, $answer);
    }

    public function testACutEndsConnectionsAndRefusesNewOnesForAWhile(): void
    {
        [$client] = $this->connection();

        $this->network->cut(1000);

        self::assertFalse(fgets($client));
        self::assertTrue(feof($client));
        self::assertFalse($this->canBeReached());
        while (!$this->canBeReached()) {
            usleep(10_000);
        }
    }

    public function testWhatIsStalledArrivesAfterwards(): void
    {
        [$client, $peer] = $this->connection();
        $this->network->stall(400);
        usleep(50_000);
        fwrite($client, "patience\n");
        stream_set_blocking($peer, false);
        self::assertFalse(fgets($peer));

        stream_set_blocking($peer, true);
        self::assertSame("patience\n", fgets($peer));
    }

    public function testWhatIsDelayedArrivesLaterAndInOrder(): void
    {
        [$client, $peer] = $this->connection();
        $this->network->delay(5000, by: 200);
        usleep(50_000);
        $sent = hrtime(true);
        fwrite($client, "one\n");
        fwrite($client, "two\n");

        self::assertSame(["one\n", "two\n"], [fgets($peer), fgets($peer)]);
        self::assertGreaterThanOrEqual(150_000_000, hrtime(true) - $sent);
    }

    public function testAServerThatEndsAConnectionEndsIt(): void
    {
        [$client, $peer] = $this->connection();
        fwrite($peer, "farewell\n");
        fclose($peer);

        self::assertSame("farewell\n", fgets($client));
        self::assertFalse(fgets($client));
    }

    public function testADiskThatIsFullHasSpaceAgainWhenItIsFreed(): void
    {
        $disk = SmallDisk::mount($this->folder.'/disk', 1);
        $disk->fill();
        self::assertFalse($this->canBeWritten($disk));

        $disk->free();
        self::assertTrue($this->canBeWritten($disk));
        $disk->unmount();
        self::assertSame([], array_diff((array) scandir($this->folder.'/disk'), ['.', '..']));
    }

    public function testTheEngineGoesByAClockThatIsSetWhileItsProcessRuns(): void
    {
        $clocks = new WorkerClocks($this->folder);
        $valid = <<<'PHP'
            $values = Ossa\Runtime\Engine::open('memory:')->keyValue('test');
            $values->set('key', 'value', 600);
            while (false !== fgets(STDIN)) {
                echo $values->get('key', 'none'), "\n";
            }
            PHP;
        $process = proc_open([\PHP_BINARY, '-r', $valid], [['pipe', 'r'], ['pipe', 'w'], \STDERR], $pipes, env_vars: $clocks->environment(0) + getenv());
        self::assertIsResource($process);
        $ask = static function () use ($pipes): string {
            fwrite($pipes[0], "is it valid?\n");

            return rtrim((string) fgets($pipes[1]));
        };

        self::assertSame('value', $ask());
        $clocks->set(0, 3600);
        self::assertSame('none', $ask());
        $clocks->set(0, -3600);
        self::assertSame('value', $ask());
        fclose($pipes[0]);
        proc_close($process);
    }

    private function canBeWritten(SmallDisk $disk): bool
    {
        return 8192 === @file_put_contents($disk->folder.'/file', str_repeat('.', 8192));
    }

    /** @phpstan-impure */
    private function canBeReached(): bool
    {
        return false !== @stream_socket_client('tcp://127.0.0.1:'.$this->network->port);
    }

    /** @return array{resource, resource} both ends */
    private function connection(): array
    {
        $client = stream_socket_client('tcp://127.0.0.1:'.$this->network->port);
        self::assertIsResource($client);
        $peer = stream_socket_accept($this->server);
        self::assertIsResource($peer);

        return [$client, $peer];
    }
}
