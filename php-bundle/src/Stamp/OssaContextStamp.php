<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Stamp;

use Symfony\Component\Messenger\Stamp\StampInterface;

/** The run and attempt a message belongs to: that of a step message, or of the step that sent any other message. */
final readonly class OssaContextStamp implements StampInterface
{
    /**
     * @param string|null $causationId the attempt that sent the message, `<run>/<step>#<attempt>`
     * @param string|null $traceparent W3C trace context
     * @param int|null    $deadlineMs  milliseconds since the Unix epoch
     * @param int         $hops        how many messages of channels led here, one after the other
     */
    public function __construct(
        public string $runId,
        public string $workflow,
        public string $step,
        public int $attempt,
        public ?string $correlationId = null,
        public ?string $causationId = null,
        public ?string $traceparent = null,
        public ?int $deadlineMs = null,
        public int $hops = 0,
    ) {
    }
}
