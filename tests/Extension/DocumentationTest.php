<?php

declare(strict_types=1);

namespace Ossa\Tests\Extension;

use Ossa\Tests\Extension\Support\TemporaryStore;
use PHPUnit\Framework\Attributes\TestDox;
use PHPUnit\Framework\TestCase;
use Symfony\Component\Process\Process;

/** Does what docs/extension.md tells a user without Symfony to do. */
final class DocumentationTest extends TestCase
{
    use TemporaryStore;

    private const PAGE = __DIR__.'/../../docs/extension.md';

    #[TestDox('The program of the manual prints what the manual says, each time it is called')]
    public function testTheProgramOfTheManualPrintsWhatTheManualSays(): void
    {
        mkdir($this->folder().'/manifests');
        file_put_contents($this->folder().'/manifests/greet.yaml', self::block('yaml', 'apiVersion'));
        file_put_contents($this->folder().'/worker.php', self::block('php', '<?php'));

        $said = array_filter(explode("\n", self::block('console', '$ php worker.php')), static fn (string $line): bool => '' !== $line && !str_starts_with($line, '$'));

        $printed = [];
        foreach ($said as $ignored) {
            $process = (new Process([\PHP_BINARY, $this->folder().'/worker.php'], timeout: 60))->mustRun();
            self::assertSame('', $process->getErrorOutput());
            $printed[] = trim($process->getOutput());
        }
        self::assertSame(array_values($said), $printed);
    }

    /** The block in this language that begins so. */
    private static function block(string $language, string $beginning): string
    {
        $pattern = \sprintf("/^```%s\n(%s.*?)^```$/ms", $language, preg_quote($beginning, '/'));
        self::assertSame(1, preg_match($pattern, (string) file_get_contents(self::PAGE), $match), 'the page has the block');

        return $match[1];
    }
}
