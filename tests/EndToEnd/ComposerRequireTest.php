<?php

declare(strict_types=1);

namespace Ossa\Tests\EndToEnd;

use PHPUnit\Framework\Attributes\TestDox;
use PHPUnit\Framework\TestCase;
use Symfony\Component\Filesystem\Filesystem;
use Symfony\Component\Process\Process;

/** What the README tells a user with a Symfony application to do, done in a fresh one. */
final class ComposerRequireTest extends TestCase
{
    private string $application;

    protected function setUp(): void
    {
        $this->application = sys_get_temp_dir().'/ossa-fresh-'.bin2hex(random_bytes(6));
        (new Filesystem())->mirror(__DIR__.'/fresh-application', $this->application);
    }

    protected function tearDown(): void
    {
        (new Filesystem())->remove($this->application);
    }

    #[TestDox('composer require ossa/symfony-runtime gives a fresh application the commands and the messages')]
    public function testComposerRequireGivesAFreshApplicationTheCommandsAndTheMessages(): void
    {
        $composer = \dirname(__DIR__, 2).'/scripts/composer';
        $this->execute([$composer, 'install', '--no-interaction', '--no-progress']);
        $before = $this->console('list');
        self::assertStringContainsString('debug:messenger', $before);
        self::assertStringNotContainsString('ossa:', $before);

        $this->execute([$composer, 'require', '--no-interaction', '--no-progress', 'ossa/symfony-runtime']);
        $this->registerTheBundle();

        self::assertStringContainsString('ossa:validate', $this->console('list'));
        self::assertStringContainsString('OssaWorkflowMessage', $this->console('debug:messenger'));
    }

    /** Symfony Flex does this where it is installed. */
    private function registerTheBundle(): void
    {
        file_put_contents($this->application.'/config/bundles.php', <<<'PHP'
            <?php

            return [
                Symfony\Bundle\FrameworkBundle\FrameworkBundle::class => ['all' => true],
                Ossa\SymfonyRuntime\OssaRuntimeBundle::class => ['all' => true],
            ];
            PHP);
        (new Filesystem())->remove($this->application.'/var/cache');
        $this->console('cache:clear');
    }

    private function console(string $command): string
    {
        return $this->execute([\PHP_BINARY, 'bin/console', $command, '--no-ansi', '--env=prod']);
    }

    /** @param list<string> $command */
    private function execute(array $command): string
    {
        // What PHPUnit sets for the application under test is not for this one.
        $environment = ['APP_ENV' => false, 'SHELL_VERBOSITY' => false];

        return (new Process($command, $this->application, $environment, timeout: 300))->mustRun()->getOutput();
    }
}
