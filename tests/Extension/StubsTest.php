<?php

declare(strict_types=1);

namespace Ossa\Tests\Extension;

use Ossa\Tests\Extension\Support\Api;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\Attributes\TestDox;
use PHPUnit\Framework\TestCase;
use Symfony\Component\Process\Process;

/** The stubs in `ext/stubs` are what PHPStan and IDEs believe; here they are held against the extension itself. */
final class StubsTest extends TestCase
{
    /** @var array{VERSION: string, classes: array<string, array<string, string>>}|null */
    private static ?array $stubs = null;

    #[TestDox('The extension has exactly the classes of the stubs')]
    public function testTheExtensionHasExactlyTheClassesOfTheStubs(): void
    {
        $extension = (new \ReflectionExtension('ossa'))->getClassNames();
        sort($extension);

        self::assertSame(array_keys(self::stubs()['classes']), $extension);
    }

    #[TestDox('The extension has the constants and the version of the stubs')]
    public function testTheExtensionHasTheConstantsAndTheVersionOfTheStubs(): void
    {
        $extension = new \ReflectionExtension('ossa');

        self::assertSame(['Ossa\Runtime\VERSION' => self::stubs()['VERSION']], $extension->getConstants());
        self::assertSame(self::stubs()['VERSION'], $extension->getVersion());
        self::assertSame([], $extension->getFunctions());
    }

    /** @param class-string $class */
    #[DataProvider('classes')]
    #[TestDox('$class has the methods, types, defaults and modifiers of its stub')]
    public function testAClassIsWhatItsStubSays(string $class): void
    {
        self::assertSame(self::stubs()['classes'][$class], Api::describe($class));
    }

    /** @return iterable<string, array{string}> */
    public static function classes(): iterable
    {
        foreach (array_keys(self::stubs()['classes']) as $class) {
            yield $class => [$class];
        }
    }

    /** @return array{VERSION: string, classes: array<string, array<string, string>>} */
    private static function stubs(): array
    {
        if (null === self::$stubs) {
            $process = (new Process([\PHP_BINARY, '-n', __DIR__.'/Fixture/describe-stubs.php']))->mustRun();
            /** @var array{VERSION: string, classes: array<string, array<string, string>>} $described */
            $described = json_decode($process->getOutput(), true, flags: \JSON_THROW_ON_ERROR);
            self::$stubs = $described;
        }

        return self::$stubs;
    }
}
