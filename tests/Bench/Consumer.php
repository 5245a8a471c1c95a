<?php

declare(strict_types=1);

namespace Ossa\Tests\Bench;

use Ossa\SymfonyRuntime\Transport\OssaTransport;
use Symfony\Component\EventDispatcher\EventDispatcher;
use Symfony\Component\Messenger\Event\WorkerRunningEvent;
use Symfony\Component\Messenger\Handler\HandlersLocator;
use Symfony\Component\Messenger\MessageBus;
use Symfony\Component\Messenger\Middleware\HandleMessageMiddleware;
use Symfony\Component\Messenger\Transport\TransportInterface;
use Symfony\Component\Messenger\Worker;

/** An unchanged Symfony Worker with a handler that does next to nothing, as `messenger:consume` runs it. */
final readonly class Consumer
{
    /** @param \Closure(BenchMessage): void $handle */
    public function __construct(private TransportInterface $transport, private \Closure $handle)
    {
    }

    /**
     * Ends after so many messages or so many seconds, whichever comes first, with all acknowledgements written.
     *
     * @param int   $sleep    microseconds between looks at an empty transport
     * @param float $patience seconds to wait for another message, when others have what is left
     *
     * @return array{int, int} messages handled, and when that was done (nanoseconds)
     */
    public function run(int $messages, float $seconds, int $sleep = 1_000, float $patience = 1.0): array
    {
        $handled = 0;
        $last = \PHP_INT_MAX;
        $handle = $this->handle;
        $bus = new MessageBus([new HandleMessageMiddleware(new HandlersLocator([
            BenchMessage::class => [static function (BenchMessage $message) use (&$handled, &$last, $handle): void {
                ++$handled;
                $last = hrtime(true);
                $handle($message);
            }],
        ]))]);
        $until = hrtime(true) + (int) ($seconds * 1e9);
        $events = new EventDispatcher();
        $events->addListener(WorkerRunningEvent::class, static function (WorkerRunningEvent $event) use (&$handled, &$last, $messages, $until, $patience): void {
            $now = hrtime(true);
            if ($handled >= $messages || $now > $until || $now - $last > $patience * 1e9) {
                $event->getWorker()->stop();
            }
        });
        (new Worker(['bench' => $this->transport], $bus, $events))->run(['sleep' => $sleep]);
        if ($this->transport instanceof OssaTransport) {
            $this->transport->close();
        }

        return [$handled, $handled < $messages ? min($last, hrtime(true)) : hrtime(true)];
    }
}
