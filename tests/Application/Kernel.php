<?php

declare(strict_types=1);

namespace Ossa\Tests\Application;

use Ossa\SymfonyRuntime\OssaRuntimeBundle;
use Symfony\Bundle\FrameworkBundle\FrameworkBundle;
use Symfony\Bundle\FrameworkBundle\Kernel\MicroKernelTrait;
use Symfony\Component\DependencyInjection\Loader\Configurator\ContainerConfigurator;
use Symfony\Component\HttpKernel\Kernel as BaseKernel;
use Symfony\Component\Messenger\Bridge\Doctrine\Transport\DoctrineTransportFactory;

use function Symfony\Component\DependencyInjection\Loader\Configurator\service;

/** The application that the tests of the bundle run: a real kernel with nothing but FrameworkBundle and ours. */
final class Kernel extends BaseKernel
{
    use MicroKernelTrait;

    public function __construct(private readonly Settings $settings, bool $debug = false)
    {
        parent::__construct('test', $debug);
    }

    public function registerBundles(): iterable
    {
        return [new FrameworkBundle(), new OssaRuntimeBundle()];
    }

    public function getProjectDir(): string
    {
        return \dirname(__DIR__, 2);
    }

    /** Compiled containers are kept for as long as nothing they are made of has changed. */
    public function getCacheDir(): string
    {
        static $sources = null;
        $sources ??= hash('xxh3', serialize([self::VERSION, \PHP_VERSION, self::changes($this->getProjectDir().'/php-bundle'), self::changes(\dirname(__DIR__))]));

        return $this->getProjectDir().'/var/php/kernel/'.$sources.'/'.$this->settings->hash();
    }

    public function getLogDir(): string
    {
        return $this->getCacheDir().'/log';
    }

    public function boot(): void
    {
        // The container reads it at run time, so that one container serves many folders.
        $_ENV['OSSA_TEST_FOLDER'] = $this->settings->folder;
        parent::boot();
    }

    /** @return array<string, int> time of the last change by file */
    private static function changes(string $folder): array
    {
        $changes = [];
        foreach (new \RecursiveIteratorIterator(new \RecursiveDirectoryIterator($folder, \FilesystemIterator::SKIP_DOTS)) as $file) {
            \assert($file instanceof \SplFileInfo);
            $changes[$file->getPathname()] = $file->getMTime();
        }
        ksort($changes);

        return $changes;
    }

    /** @return array<string, bool> an option that Symfony 7.3 brought, and wants set */
    private static function constructorExtractor(string $version): array
    {
        return version_compare($version, '7.3', '>=') ? ['with_constructor_extractor' => true] : [];
    }

    private function configureContainer(ContainerConfigurator $container): void
    {
        $container->parameters()->set('env(OSSA_TEST_CONSUMER)', 'test')->set('env(OSSA_TEST_DATABASE)', '');
        $container->extension('framework', [
            'test' => true,
            'secret' => 'not used',
            'http_method_override' => false,
            'handle_all_throwables' => true,
            'php_errors' => ['log' => true],
            'serializer' => ['enabled' => true],
            'property_access' => ['enabled' => true],
            'property_info' => ['enabled' => true] + self::constructorExtractor(self::VERSION),
            'messenger' => $this->settings->messenger,
        ]);
        $container->extension('ossa', array_replace_recursive([
            'runtime' => ['state_backend' => 'sqlite:///%env(OSSA_TEST_FOLDER)%/ossa.db'],
            'manifest_paths' => [__DIR__.'/manifests', '%env(OSSA_TEST_FOLDER)%/manifests'],
        ], $this->settings->ossa));

        $services = $container->services()->defaults()->autowire()->autoconfigure();
        $services->set(Effects::class)->args(['%env(OSSA_TEST_FOLDER)%/effects.log'])->public();
        $services->set(FileLogger::class)->args(['%env(OSSA_TEST_FOLDER)%/warnings.log']);
        $services->alias('logger', FileLogger::class);
        foreach ($this->settings->services as $class) {
            $services->set($class)->public();
        }
        foreach ($this->settings->defined as $id => $definition) {
            $service = $services->set($id, $definition['class'])->public()->args($definition['arguments'] ?? []);
            foreach ($definition['tags'] ?? [] as $tag) {
                $service->tag($tag['name'], array_diff_key($tag, ['name' => true]));
            }
        }
        // DoctrineBundle does this where it is installed.
        $services->set(DoctrineConnections::class)->args(['%env(OSSA_TEST_FOLDER)%/messenger.sqlite', '%env(OSSA_TEST_DATABASE)%']);
        $services->alias('doctrine', DoctrineConnections::class);
        $services->set('test.messenger.doctrine', DoctrineTransportFactory::class)
            ->args([service(DoctrineConnections::class)])
            ->tag('messenger.transport_factory');
    }
}
