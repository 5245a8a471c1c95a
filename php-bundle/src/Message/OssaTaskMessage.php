<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Message;

/** Starts a run of a task. Delivering the same message again starts nothing new. */
final readonly class OssaTaskMessage extends StartMessage
{
}
