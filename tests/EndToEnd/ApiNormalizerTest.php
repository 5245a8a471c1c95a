<?php

declare(strict_types=1);

namespace Ossa\Tests\EndToEnd;

use Composer\Autoload\ClassLoader;
use PHPUnit\Framework\TestCase;
use Symfony\Component\Filesystem\Filesystem;
use Symfony\Component\Process\Process;

/** The application in examples/api-normalizer, with real workers. */
final class ApiNormalizerTest extends TestCase
{
    private const APP = __DIR__.'/../../examples/api-normalizer';

    /** @var list<Process> */
    private array $workers = [];
    private string $app;

    protected function setUp(): void
    {
        $this->app = sys_get_temp_dir().'/ossa-api-normalizer-'.bin2hex(random_bytes(6));
        $files = new Filesystem();
        foreach (['bin', 'config', 'src'] as $folder) {
            $files->mirror(self::APP.'/'.$folder, $this->app.'/'.$folder);
        }
        // It runs on the packages of these tests, with the classes of its own.
        $autoload = array_key_first(ClassLoader::getRegisteredLoaders()).'/autoload.php';
        $files->dumpFile($this->app.'/vendor/autoload.php', \sprintf("<?php\n\$loader = require %s;\n\$loader->addPsr4('ApiNormalizer\\\\', %s);\n\nreturn \$loader;\n", var_export($autoload, true), var_export($this->app.'/src', true)));
    }

    protected function tearDown(): void
    {
        foreach ($this->workers as $worker) {
            $worker->stop(5);
        }
        (new Filesystem())->remove($this->app);
    }

    public function testResponsesAreNormalizedDocumentedAndRoutedAndWhatFailsComesBackFromTheDeadLetters(): void
    {
        for ($number = 0; $number < 2; ++$number) {
            $worker = $this->console(['messenger:consume', 'ossa_channels', 'ossa', '--time-limit=120']);
            $worker->start();
            $this->workers[] = $worker;
        }

        $this->collect('/users', '{"user_name": "Ada", "mail": "ada@example.org"}');
        $this->until(fn (): bool => ['/users is documented in pages/users'] === $this->notes('notifications'));
        self::assertSame(['mail: string, userName: string'], $this->notes('pages-users'));

        $this->collect('/users', '{"user_name": "Ada"}');
        $this->collect('/invoices', '{"total": 3}');
        $this->until(fn (): bool => 3 === \count($this->notes('notifications')));
        $this->collect('/invoices', '{"sum": 3}');

        $this->until(fn (): bool => 4 === \count($this->notes('catalogue')) && 2 === \count($this->notes('changelog')));
        self::assertContains('/users: added nothing; removed mail', $this->notes('changelog'));
        self::assertContains('/invoices: added sum; removed total', $this->notes('changelog'));
        $this->until(fn (): bool => [] !== $this->deadLetters());
        self::assertSame(['Ada was told that /users lost mail'], $this->notes('on-call'));

        $letter = $this->deadLetters()[0];
        self::assertSame(['on-call', 'handler_failed', 'api.schema_changed'], [$letter['subscriber'], $letter['reason'], $letter['channel']]);
        $this->console(['ossa:dlq:edit', $letter['id'], '{"endpoint": "/orders", "lost": ["total"]}', '--by=ada'])->mustRun();
        $this->console(['ossa:dlq:replay', $letter['id'], '--by=ada'])->mustRun();
        $this->until(fn (): bool => \in_array('Grace was told that /orders lost total', $this->notes('on-call'), true));
        self::assertSame([], $this->deadLetters());
    }

    public function testAResponseThatBreaksTheDeclaredSchemaIsRefusedToWhoPublishesIt(): void
    {
        $refused = $this->console(['app:collect', 'users', '{"a": 1}']);
        $refused->run();

        self::assertNotSame(0, $refused->getExitCode());
        self::assertStringContainsString('the payload breaks the schema that `api-gateway` declares for `api.responses`', $refused->getErrorOutput());
    }

    private function collect(string $endpoint, string $body): void
    {
        $this->console(['app:collect', $endpoint, $body])->mustRun();
    }

    /** @return list<string> */
    private function notes(string $page): array
    {
        $lines = @file($this->app.'/var/notebook/'.$page.'.txt', \FILE_IGNORE_NEW_LINES);

        return false === $lines ? [] : $lines;
    }

    /** @return list<array{id: string, subscriber: string, reason: string, channel: string}> */
    private function deadLetters(): array
    {
        /** @var list<array{id: string, subscriber: string, reason: string, channel: string}> $letters */
        $letters = json_decode($this->console(['ossa:dlq:list', '--format=json'])->mustRun()->getOutput(), true, flags: \JSON_THROW_ON_ERROR);

        return $letters;
    }

    /** @param list<string> $arguments */
    private function console(array $arguments): Process
    {
        return (new Process([\PHP_BINARY, $this->app.'/bin/console', '--no-interaction', '--no-ansi', ...$arguments], null, ['SHELL_VERBOSITY' => '0']))->setTimeout(null);
    }

    /** @param \Closure(): bool $until */
    private function until(\Closure $until): void
    {
        $deadline = microtime(true) + 60;
        while (!$until()) {
            if (microtime(true) > $deadline) {
                self::fail("the workers did not get there; they said:\n".implode("\n", array_map(static fn (Process $worker): string => $worker->getOutput().$worker->getErrorOutput(), $this->workers)));
            }
            usleep(50_000);
        }
    }
}
