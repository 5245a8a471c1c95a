<?php

declare(strict_types=1);

namespace Ossa\Tests\Extension;

use Ossa\Runtime\Diagnostic;
use Ossa\Runtime\Exception\ArgumentException;
use Ossa\Runtime\Exception\ManifestException;
use Ossa\Runtime\Manifest;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\Attributes\TestDox;
use PHPUnit\Framework\TestCase;

final class ManifestTest extends TestCase
{
    private const TASK = <<<'YAML'
        apiVersion: ossa/v0.3.0
        kind: Task
        metadata:
          name: send-invoice
          version: 1.2.0
        spec:
          execution: {type: idempotent, entrypoint: invoice.send}
          capabilities: [send_email]
        runtime:
          type: symfony
          bindings:
            send_email: {service: App\Mailer, method: send, config: {retries: 2, tags: []}}
        YAML;

    #[TestDox('A valid document says what it defines')]
    public function testAValidDocumentSaysWhatItDefines(): void
    {
        [$manifest] = Manifest::parse(self::TASK);

        self::assertTrue($manifest->isValid(), self::render($manifest));
        self::assertSame(
            ['Task', 'send-invoice', '1.2.0', 'ossa/v0.3.0', null, 0],
            [$manifest->getKind(), $manifest->getName(), $manifest->getVersion(), $manifest->getApiVersion(), $manifest->getFile(), $manifest->getIndex()],
        );
    }

    #[TestDox('A document says which services it proposes for its capabilities')]
    public function testADocumentSaysWhichServicesItProposes(): void
    {
        [$manifest] = Manifest::parse(self::TASK);

        self::assertSame([[
            'capability' => 'send_email',
            'host' => null,
            'service' => 'App\Mailer',
            'method' => 'send',
            'config' => ['retries' => 2, 'tags' => []],
        ]], $manifest->getBindings());
    }

    #[TestDox('Every document of a file is an object of its own, valid or not')]
    public function testEveryDocumentOfAFileIsAnObjectOfItsOwn(): void
    {
        $file = tempnam(sys_get_temp_dir(), 'ossa');
        self::assertIsString($file);
        file_put_contents($file, self::TASK."\n---\nkind: Wrong\n");
        try {
            $manifests = Manifest::load($file);
        } finally {
            unlink($file);
        }

        self::assertSame([true, false], array_map(static fn (Manifest $manifest): bool => $manifest->isValid(), $manifests));
        self::assertSame([0, 1], array_map(static fn (Manifest $manifest): int => $manifest->getIndex(), $manifests));
        self::assertSame([$file, $file], array_map(static fn (Manifest $manifest): ?string => $manifest->getFile(), $manifests));
    }

    #[TestDox('A finding has code, weight, place, advice, and a text with the line')]
    public function testAFindingHasCodeWeightPlaceAdviceAndText(): void
    {
        [$manifest] = Manifest::parse("apiVersion: ossa/v0.3.0\nkind: Tusk\nmetadata: {name: x}\n", ['file' => 'tasks/x.yaml']);
        self::assertFalse($manifest->isValid());

        $findings = array_filter($manifest->getDiagnostics(), static fn (Diagnostic $finding): bool => 'OSSA-M012' === $finding->getCode());
        $finding = array_values($findings)[0];
        self::assertSame(
            ['OSSA-M012', 'error', '$.kind', 'tasks/x.yaml', 2, 7],
            [$finding->getCode(), $finding->getSeverity(), $finding->getPath(), $finding->getFile(), $finding->getLine(), $finding->getColumn()],
        );
        self::assertStringContainsString('Tusk', $finding->getMessage());
        self::assertStringContainsString('Task', (string) $finding->getHelp());
        self::assertStringContainsString("tasks/x.yaml:2:7 (\$.kind)\n  |\n2 | kind: Tusk\n  |       ^^^^\n", $finding->render());
    }

    #[TestDox('Strict documents obey the schema of their version, lenient ones are understood')]
    public function testStrictDocumentsObeyTheSchemaOfTheirVersion(): void
    {
        $text = str_replace('name: send-invoice', 'name: Send Invoice', self::TASK);

        self::assertTrue(Manifest::parse($text, ['level' => 'lenient'])[0]->isValid());
        self::assertFalse(Manifest::parse($text, ['level' => 'strict'])[0]->isValid());
    }

    #[TestDox('Text without a document is a finding, not an exception')]
    public function testTextWithoutADocumentIsAFinding(): void
    {
        [$manifest] = Manifest::parse('');

        self::assertFalse($manifest->isValid());
        self::assertSame('OSSA-M007', $manifest->getDiagnostics()[0]->getCode());
    }

    #[TestDox('A file that cannot be read is an exception that carries the finding')]
    public function testAFileThatCannotBeReadIsAnException(): void
    {
        $file = sys_get_temp_dir()."/ossa-no-such-file-caf\xe9.yaml";
        try {
            Manifest::load($file);
            self::fail('there is no such file');
        } catch (ManifestException $exception) {
            self::assertSame('OSSA-M008', $exception->getErrorCode());
            self::assertCount(1, $exception->getDiagnostics());
            self::assertSame($file, $exception->getDiagnostics()[0]->getFile());
            self::assertSame(0, $exception->getDiagnostics()[0]->getLine());
        }
    }

    /** @param array<mixed> $options */
    #[DataProvider('wrongOptions')]
    #[TestDox('A wrong option is refused with what is allowed: $_dataName')]
    public function testAWrongOptionIsRefusedWithWhatIsAllowed(string $message, ?string $help, array $options): void
    {
        try {
            Manifest::parse(self::TASK, $options);
            self::fail('the option is wrong');
        } catch (ArgumentException $exception) {
            self::assertSame($message, $exception->getMessage());
            self::assertSame($help, $exception->getHelp());
        }
    }

    /** @return iterable<string, array{string, ?string, array<mixed>}> */
    public static function wrongOptions(): iterable
    {
        $known = 'known are: level, file';
        yield 'an unknown key' => ['"levle" is not known in options of Manifest::parse()', $known, ['levle' => 'strict']];
        yield 'a key that is a number' => ['"0" is not known in options of Manifest::parse()', $known, ['strict']];
        yield 'a key that is not UTF-8' => ["\"\u{fffd}\" is not known in options of Manifest::parse()", $known, ["\xff" => 1]];
        yield 'an unknown value' => ['"level" in options of Manifest::parse() must be one of lenient, strict, not "loose"', null, ['level' => 'loose']];
        yield 'a value of another type' => ['"file" in options of Manifest::parse() must be a string', null, ['file' => 5]];
    }

    #[TestDox('An option that is null counts as not given')]
    public function testAnOptionThatIsNullCountsAsNotGiven(): void
    {
        self::assertTrue(Manifest::parse(self::TASK, options: ['level' => null])[0]->isValid()); // @phpstan-ignore argument.type
    }

    private static function render(Manifest $manifest): string
    {
        return implode("\n", array_map(static fn (Diagnostic $finding): string => $finding->render(), $manifest->getDiagnostics()));
    }
}
