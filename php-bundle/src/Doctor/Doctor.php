<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Doctor;

use Composer\InstalledVersions;
use Ossa\Runtime\Engine;
use Ossa\SymfonyRuntime\Execution\HandlerRegistry;
use Ossa\SymfonyRuntime\Transport\OssaTransport;
use Psr\Container\ContainerInterface;
use Symfony\Component\Messenger\Transport\Receiver\MessageCountAwareInterface;

/**
 * Examines the installation: what the engine says of itself, and what only the application knows.
 *
 * @internal
 */
final readonly class Doctor
{
    private const PACKAGE = 'ossa/symfony-runtime';

    /**
     * @param ContainerInterface $receivers  by name of the transport
     * @param list<string>       $transports their names
     */
    public function __construct(
        private Engine $engine,
        private HandlerRegistry $handlers,
        private ContainerInterface $receivers,
        private array $transports,
    ) {
    }

    /** @return list<Examined> */
    public function examine(): array
    {
        $examined = [$this->extension()];
        foreach ($this->engine->examine() as $it) {
            $examined[] = new Examined($it['subject'], $it['condition'], $it['found'], match (true) {
                'store' === $it['subject'] && Examined::BROKEN === $it['condition'] => 'the store is set under "ossa.runtime.state_backend"'.(isset($it['remedy']) ? '; '.$it['remedy'] : ''),
                default => $it['remedy'] ?? null,
            });
        }

        return [...$examined, ...$this->handlers(), ...array_merge(...array_map($this->transport(...), $this->transports))];
    }

    private function extension(): Examined
    {
        $extension = (string) phpversion('ossa');
        $bundle = InstalledVersions::isInstalled(self::PACKAGE) ? (string) InstalledVersions::getVersion(self::PACKAGE) : '';
        $line = static fn (string $version): string => implode('.', \array_slice(explode('.', $version), 0, 2));
        if (1 !== preg_match('/^\d+\.\d+/', $bundle) || $line($extension) === $line($bundle)) {
            return new Examined('extension', Examined::FINE, \sprintf('version %s', $extension));
        }

        return new Examined('extension', Examined::BROKEN, \sprintf('the extension is of version %s, the bundle of %s', $extension, $bundle), 'install the same version of both');
    }

    /** @return list<Examined> */
    private function handlers(): array
    {
        $needed = $this->engine->neededHandlers();
        $missing = [];
        foreach ($needed as ['manifest' => $manifest, 'step' => $step, 'keys' => $keys, 'bindings' => $bindings]) {
            if (!$this->handlers->has($keys, $bindings)) {
                $names = array_map(static fn (array $key): string => \sprintf('%s "%s"', $key['kind'], $key['key']), $keys);
                $missing[] = new Examined('handlers', Examined::BROKEN, \sprintf('step "%s" of "%s" has no handler: looked for %s', $step, $manifest, implode(', ', $names)), 'bind one with #[AsCapability] or under "ossa.bindings"');
            }
        }

        return [] !== $missing ? $missing : [new Examined('handlers', Examined::FINE, \sprintf('all %d calls of steps have one', \count($needed)))];
    }

    /** @return list<Examined> */
    private function transport(string $name): array
    {
        $subject = 'transport';
        try {
            $receiver = $this->receivers->get($name);
            $found = $receiver instanceof MessageCountAwareInterface ? \sprintf('"%s" holds %d messages', $name, $receiver->getMessageCount()) : \sprintf('"%s" (does not count its messages)', $name);
            $examined = [new Examined($subject, Examined::FINE, $found)];
            foreach ($receiver instanceof OssaTransport ? $receiver->findings() : [] as $it) {
                $examined[] = new Examined($subject, Examined::WARNING, \sprintf('"%s": %s: %s', $name, $it['found'], $it['risk']), $it['remedy']);
            }

            return $examined;
        } catch (\Throwable $exception) {
            // Transports throw what their clients throw.
            return [new Examined($subject, Examined::BROKEN, \sprintf('"%s" cannot be used: %s', $name, $exception->getMessage()), 'check its DSN under "framework.messenger.transports", and that its server runs')];
        }
    }
}
