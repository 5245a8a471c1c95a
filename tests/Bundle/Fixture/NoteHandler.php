<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle\Fixture;

use Ossa\SymfonyRuntime\Context\OssaContextProvider;
use Symfony\Component\Messenger\Attribute\AsMessageHandler;

#[AsMessageHandler]
final class NoteHandler
{
    /** @var list<string|null> run on whose behalf each note was handled */
    public array $seen = [];

    public function __construct(private readonly OssaContextProvider $contexts)
    {
    }

    public function __invoke(Note $note): void
    {
        $this->seen[] = $this->contexts->current()?->runId;
    }
}
