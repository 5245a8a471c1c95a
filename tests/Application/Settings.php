<?php

declare(strict_types=1);

namespace Ossa\Tests\Application;

/**
 * What one test wants of the application. Kept as a file, so that the processes a test starts see the same.
 *
 * @phpstan-type Service array{class: class-string, arguments?: array<string, mixed>, tags?: list<array<string, mixed>>}
 */
final readonly class Settings
{
    /**
     * @param string                 $folder    the application's own, made and removed by the test
     * @param array<string, mixed>   $ossa      configuration under `ossa`
     * @param array<string, mixed>   $messenger configuration under `framework.messenger`
     * @param list<class-string>     $services  registered in addition, autowired and autoconfigured
     * @param array<string, Service> $defined   registered in addition, as given
     */
    public function __construct(
        public string $folder,
        public array $ossa = [],
        public array $messenger = [],
        public array $services = [],
        public array $defined = [],
    ) {
    }

    public static function load(string $folder): self
    {
        /** @var array{ossa: array<string, mixed>, messenger: array<string, mixed>, services: list<class-string>, defined: array<string, Service>} $settings */
        $settings = json_decode((string) file_get_contents($folder.'/settings.json'), true, flags: \JSON_THROW_ON_ERROR);

        return new self($folder, ...$settings);
    }

    public function save(): void
    {
        file_put_contents($this->folder.'/settings.json', json_encode(array_diff_key(get_object_vars($this), ['folder' => true]), \JSON_THROW_ON_ERROR));
    }

    /** Same for applications that differ in their folder only: they share a compiled container. */
    public function hash(): string
    {
        return hash('xxh3', serialize([$this->ossa, $this->messenger, $this->services, $this->defined]));
    }
}
