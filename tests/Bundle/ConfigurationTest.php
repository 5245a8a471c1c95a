<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle;

use Ossa\SymfonyRuntime\OssaRuntimeBundle;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\TestCase;
use Symfony\Component\Config\Definition\ConfigurationInterface;
use Symfony\Component\Config\Definition\Dumper\YamlReferenceDumper;
use Symfony\Component\Config\Definition\Exception\InvalidConfigurationException;
use Symfony\Component\Config\Definition\NodeInterface;
use Symfony\Component\Config\Definition\Processor;
use Symfony\Component\DependencyInjection\ContainerBuilder;
use Symfony\Component\DependencyInjection\Extension\ConfigurationExtensionInterface;

final class ConfigurationTest extends TestCase
{
    public function testEverythingHasADefault(): void
    {
        $config = self::process([]);

        self::assertSame([
            'runtime' => [
                'transport' => 'ossa',
                'state_backend' => 'sqlite:///%kernel.project_dir%/var/ossa/%kernel.environment%.db',
                'retry' => ['max_attempts' => 3, 'backoff' => 'exponential', 'initial_delay_ms' => 1000, 'max_delay_ms' => 60000],
                'retention' => array_fill_keys(['completed', 'failed', 'canceled'], ['max_age' => null, 'max_count' => null]),
                'lease_seconds' => 30,
            ],
            'manifest_paths' => ['%kernel.project_dir%/config/ossa'],
            'validation' => 'lenient',
            'bindings' => [],
            'breakers' => [],
            'messaging' => ['source' => 'app', 'channels' => []],
            'transactions' => ['connection' => null, 'table' => 'ossa_inbox', 'auto_setup' => true],
            'env' => [],
        ], $config);
    }

    public function testTheDocumentedKeysAreAccepted(): void
    {
        $config = self::process([
            'runtime' => ['transport' => 'async', 'state_backend' => '%env(OSSA_STORE)%', 'retry' => ['max_attempts' => 5, 'backoff' => 'linear']],
            'manifest_paths' => 'a/folder',
            'bindings' => ['send_email' => ['service' => '@app.mailer', 'method' => 'send'], 'track.event' => 'App\Tracker::track', 'greet' => 'App\Greeter'],
        ]);

        self::assertSame(['a/folder'], $config['manifest_paths']);
        self::assertSame([
            'send_email' => ['service' => '@app.mailer', 'method' => 'send'],
            'track.event' => ['service' => 'App\Tracker', 'method' => 'track'],
            'greet' => ['service' => 'App\Greeter', 'method' => '__invoke'],
        ], $config['bindings']);
    }

    /** @return iterable<string, array{array<string, mixed>, string}> */
    public static function wrong(): iterable
    {
        yield 'no attempt at all' => [['runtime' => ['retry' => ['max_attempts' => 0]]], 'ossa.runtime.retry.max_attempts'];
        yield 'an unknown backoff' => [['runtime' => ['retry' => ['backoff' => 'wild']]], 'exponential'];
        yield 'a retention that is no length of time' => [['runtime' => ['retention' => ['failed' => ['max_age' => 'soon']]]], '"soon" is no length of time'];
        yield 'an unknown key' => [['runtime' => ['speed' => 9]], 'speed'];
        yield 'a binding without a service' => [['bindings' => ['greet' => ['method' => 'x']]], 'ossa.bindings.greet'];
        yield 'no name of a variable' => [['env' => ['A B']], 'A B'];
        yield 'an unknown level' => [['validation' => 'loose'], 'lenient'];
    }

    /** @param array<string, mixed> $config */
    #[DataProvider('wrong')]
    public function testAWrongValueIsRefusedWithItsPlace(array $config, string $named): void
    {
        $this->expectException(InvalidConfigurationException::class);
        $this->expectExceptionMessageMatches('/'.preg_quote($named, '/').'/');

        self::process($config);
    }

    public function testEveryOptionIsExplained(): void
    {
        self::assertSame([], self::unexplained(self::configuration()->getConfigTreeBuilder()->buildTree()));
    }

    public function testTheReferencePageShowsTheTreeAsItIs(): void
    {
        $page = (string) file_get_contents(\dirname(__DIR__, 2).'/docs/configuration.md');
        $reference = trim((new YamlReferenceDumper())->dump(self::configuration()));

        self::assertStringContainsString("```yaml\n".$reference."\n```", $page, 'docs/configuration.md must show:'."\n\n".$reference);
    }

    /**
     * @param array<string, mixed> $config
     *
     * @return array<array-key, mixed>
     */
    private static function process(array $config): array
    {
        return (new Processor())->processConfiguration(self::configuration(), [$config]);
    }

    private static function configuration(): ConfigurationInterface
    {
        $extension = (new OssaRuntimeBundle())->getContainerExtension();
        self::assertInstanceOf(ConfigurationExtensionInterface::class, $extension);
        $configuration = $extension->getConfiguration([], new ContainerBuilder());
        self::assertNotNull($configuration);

        return $configuration;
    }

    /** @return list<string> */
    private static function unexplained(NodeInterface $node): array
    {
        $paths = [];
        foreach (method_exists($node, 'getChildren') ? $node->getChildren() : [] as $child) {
            \assert($child instanceof NodeInterface);
            if (!method_exists($child, 'getInfo') || null === $child->getInfo()) {
                $paths[] = $child->getPath();
            }
            array_push($paths, ...self::unexplained($child));
        }

        return $paths;
    }
}
