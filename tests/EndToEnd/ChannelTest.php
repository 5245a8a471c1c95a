<?php

declare(strict_types=1);

namespace Ossa\Tests\EndToEnd;

use Ossa\SymfonyRuntime\Message\OssaChannelMessage;
use Ossa\Tests\Application\Handler\SecurityDesk;
use Ossa\Tests\Application\ProcessTestCase;

/** Channels between real `messenger:consume` processes. */
final class ChannelTest extends ProcessTestCase
{
    public function testMessagesReachTheirListenersInOtherProcessesAndOneThatFailsIsReplayed(): void
    {
        $this->boot(messenger: ['transports' => ['archive' => 'in-memory://']], services: [SecurityDesk::class]);
        $this->startWorkers(2, ['ossa_channels']);

        $this->bus()->dispatch(new OssaChannelMessage('security.vulnerabilities', ['cve' => 'CVE-1', 'severity' => 'high']));
        $this->bus()->dispatch(new OssaChannelMessage('security.incidents', ['incident' => 'broken-1']));
        $this->superviseUntil(fn (): bool => [] !== $this->engine()->deadLetters()->list() && \in_array('scanner', array_column($this->effects()->all(), 0), true));

        $id = $this->engine()->deadLetters()->list()[0]['id'];
        $this->runConsole(['ossa:dlq:edit', $id, '{"incident": "mended"}']);
        $this->runConsole(['ossa:dlq:replay', $id]);
        $this->superviseUntil(fn (): bool => \in_array(['responder', 'mended'], $this->effects()->all(), true));
    }

    public function testNothingIsLostWhenWorkersAreKilled(): void
    {
        $this->boot(messenger: ['transports' => ['archive' => 'in-memory://']], services: [SecurityDesk::class]);
        $this->startWorkers(2, ['ossa_channels']);

        for ($number = 0; $number < 40; ++$number) {
            $this->bus()->dispatch(new OssaChannelMessage('security.incidents', ['incident' => 'fire-'.$number]));
            if (9 === $number % 10) {
                $this->killAWorker();
            }
        }
        $handled = fn (): array => array_unique(array_column(array_filter($this->effects()->all(), static fn (array $effect): bool => 'responder' === $effect[0]), 1));
        $this->superviseUntil(static fn (): bool => 40 === \count($handled()), 60);
    }
}
