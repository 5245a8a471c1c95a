<?php

declare(strict_types=1);

namespace Ossa\Tests\Application\Handler;

use Ossa\SymfonyRuntime\Attribute\AsCapability;
use Ossa\SymfonyRuntime\Context\OssaContext;
use Ossa\Tests\Application\Effects;
use Symfony\Component\Messenger\Exception\RecoverableMessageHandlingException;
use Symfony\Component\Messenger\Exception\UnrecoverableMessageHandlingException;

/** Handlers that behave, and handlers that do not. */
final readonly class Workshop
{
    public function __construct(private Effects $effects)
    {
    }

    /**
     * @param array<string, mixed> $input
     *
     * @return array<string, mixed>
     */
    #[AsCapability('echo')]
    public function echo(array $input, OssaContext $context): array
    {
        $this->effects->record($context);

        return $input;
    }

    /** Fails so many times before it succeeds. */
    #[AsCapability('flaky')]
    public function flaky(OssaContext $context, int $failures): string
    {
        if ($context->attempt <= $failures) {
            throw new TemporaryFault(\sprintf('attempt %d meets a fault', $context->attempt));
        }
        $this->effects->record($context);

        return 'succeeded in attempt '.$context->attempt;
    }

    #[AsCapability('fail')]
    public function fail(string $message = 'this never works'): never
    {
        throw new \DomainException($message);
    }

    /** Fails as long as the file is there. */
    #[AsCapability('fail_while')]
    public function failWhile(string $file, OssaContext $context): string
    {
        if (is_file($file)) {
            throw new \DomainException('the fault is still there');
        }
        $this->effects->record($context);

        return 'mended';
    }

    #[AsCapability('give_up')]
    public function giveUp(): never
    {
        throw new UnrecoverableMessageHandlingException('no use trying again');
    }

    #[AsCapability('ask_again')]
    public function askAgain(OssaContext $context): string
    {
        return $context->attempt > 1 ? 'now it works' : throw new RecoverableMessageHandlingException('once more, please');
    }

    #[AsCapability('type_error')]
    public function typeError(): int
    {
        return strlen(...)([]); // @phpstan-ignore argument.type
    }

    #[AsCapability('exit')]
    public function exit(OssaContext $context): string
    {
        $this->effects->record($context);
        if (1 === $context->attempt) {
            exit(7);
        }

        return 'did not exit';
    }

    #[AsCapability('exhaust_memory')]
    public function exhaustMemory(OssaContext $context): string
    {
        $this->effects->record($context);
        if (1 === $context->attempt) {
            ini_set('memory_limit', (string) (memory_get_usage() + 8 * 1024 * 1024));
            $this->effects->write([str_repeat('x', 512 * 1024 * 1024)]);
        }

        return 'fits in memory';
    }

    #[AsCapability('sleep')]
    public function sleep(OssaContext $context, int $milliseconds): int
    {
        $this->effects->record($context, 'begun');
        usleep($milliseconds * 1000);
        $this->effects->record($context, 'ended');

        return $milliseconds;
    }

    #[AsCapability('wrong_shape')]
    public function wrongShape(): \Closure
    {
        return static fn (): int => 1;
    }
}
