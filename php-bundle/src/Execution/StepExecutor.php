<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Execution;

use Ossa\Runtime\StepClaim;
use Ossa\SymfonyRuntime\Context\OssaContext;
use Ossa\SymfonyRuntime\Context\OssaContextProvider;
use Ossa\SymfonyRuntime\Transaction\TransactionalSteps;

/** Runs the handlers of one claimed attempt. */
final readonly class StepExecutor
{
    public function __construct(
        private HandlerRegistry $registry,
        private ArgumentMapper $arguments,
        private OutputNormalizer $outputs,
        private OssaContextProvider $contexts,
        private TransactionalSteps $transactions,
    ) {
    }

    /**
     * Calls the handlers one after the other, each with the input merged with the outputs before it.
     *
     * @return array<array-key, mixed>|scalar|null the output: what the only handler returned, or the outputs of all, merged
     *
     * @throws \Throwable whatever a handler throws
     */
    public function execute(StepClaim $claim): mixed
    {
        $context = OssaContext::ofClaim($claim);
        $handlers = fn (): mixed => $this->callHandlers($claim, $context);

        return $this->contexts->within($context, fn (): mixed => $this->transactions->covers($claim) ? $this->transactions->run($claim, $handlers) : $handlers());
    }

    private function callHandlers(StepClaim $claim, OssaContext $context): mixed
    {
        $input = $claim->getInput();
        $merged = null;
        foreach ($this->registry->handlersOf($claim) as $handler) {
            $given = \is_array($input) && self::isMap($merged) ? [...$input, ...$merged] : $input;
            $output = $this->outputs->normalize(
                ($handler->call)(...$this->arguments->map($handler, $given, [OssaContext::class => $context, StepClaim::class => $claim])),
                $handler->name,
            );
            $merged = self::isMap($merged) && self::isMap($output) ? [...$merged, ...$output] : $output;
        }

        return $merged;
    }

    /** @phpstan-assert-if-true array<string, mixed> $value */
    private static function isMap(mixed $value): bool
    {
        return \is_array($value) && [] !== $value && !array_is_list($value);
    }
}
