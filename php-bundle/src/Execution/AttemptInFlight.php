<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Execution;

use Ossa\Runtime\Engine;

/**
 * Reports an attempt as failed when its handler ends the PHP process, by `exit()` or a fatal error. Without this the
 * attempt would look as if it were still running until its lease is over.
 */
final class AttemptInFlight
{
    /** @var array{token: string, pid: int|false}|null */
    private ?array $current = null;
    private bool $registered = false;

    public function __construct(private readonly Engine $engine)
    {
    }

    /**
     * @template T
     *
     * @param \Closure(): T $do
     *
     * @return T
     */
    public function during(string $token, \Closure $do): mixed
    {
        if (!$this->registered) {
            $this->registered = true;
            register_shutdown_function($this->onShutdown(...));
        }
        $outer = $this->current;
        $this->current = ['token' => $token, 'pid' => getmypid()];
        try {
            return $do();
        } finally {
            $this->current = $outer;
        }
    }

    private function onShutdown(): void
    {
        // A child that the handler forked shares this object but not the attempt.
        if (null === $this->current || getmypid() !== $this->current['pid']) {
            return;
        }
        $error = error_get_last();
        // The fatal error may be the memory limit; reporting it needs some, too.
        ini_set('memory_limit', '-1');
        $fatal = null !== $error && 0 !== ($error['type'] & (\E_ERROR | \E_CORE_ERROR | \E_COMPILE_ERROR | \E_RECOVERABLE_ERROR));
        try {
            $this->engine->fail($this->current['token'], ErrorMapper::exit($fatal ? $error['message'] : null));
        } catch (\Throwable) {
            // The process ends anyway; the lease runs out and the attempt is repeated.
        }
    }
}
