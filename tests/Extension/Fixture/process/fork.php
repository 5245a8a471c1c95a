<?php

declare(strict_types=1);

// usage: fork.php DSN MANIFESTS SCENE
// Forks while a step is claimed, a message taken and others prefetched, and prints as JSON what parent and child saw.

use Ossa\Runtime\Engine;
use Ossa\Runtime\Exception\ExceptionInterface;
use Ossa\Runtime\Transport;

[, $dsn, $manifests, $scene] = $argv;

$open = static fn (): Engine => Engine::open($dsn, ['manifest_roots' => [$manifests], 'queue' => 'steps', 'lease_seconds' => 600]);
$fork = static function (Closure $child): int {
    $pid = pcntl_fork();
    if (0 === $pid) {
        $child();
        exit(0);
    }

    return $pid;
};
/** Waits for a child; 0 when it ended as it should. */
$wait = static function (int $pid): int {
    pcntl_waitpid($pid, $status);

    return is_int($status) ? $status : -1;
};
/** @return list<string> */
$drain = static function (Transport $transport): array {
    $bodies = [];
    while ([] !== $deliveries = $transport->receive()) {
        $bodies[] = $deliveries[0]->getBody();
        $transport->ack($deliveries[0]->getId());
    }
    $transport->flush();

    return $bodies;
};

$engine = $open();
$run = $engine->start('greet', ['name' => 'Ada'])->getId();
$claim = $engine->claim($engine->relay()[0]->getToken()) ?? exit(90);
$transport = $engine->transport(['queue' => 'messages']);
for ($number = 0; $number < 40; ++$number) {
    $transport->send('parent '.$number);
}
for ($number = 0; $number < 9; ++$number) {
    $transport->ack($transport->receive()[0]->getId());
}
[$delivery] = $transport->receive();
$values = $engine->keyValue('app');
$values->set('from', 'parent');

$report = match ($scene) {
    // The child works on the same store with an engine of its own, and the parent goes on.
    'own-engine' => (static function () use ($open, $fork, $wait, $drain, $engine, $transport, $delivery, $claim, $run): array {
        $child = $fork(static function () use ($open): void {
            $engine = $open();
            $engine->transport(['queue' => 'messages'])->send('child');
            $engine->start('greet', ['name' => 'Grace'], ['correlation_id' => 'child']);
            $claim = $engine->claim($engine->relay()[0]->getToken()) ?? exit(92);
            $engine->complete($claim->getToken(), ['text' => 'Hello Grace']);
            $engine->keyValue('app')->set('from', 'child');
        });
        $status = $wait($child);
        $transport->ack($delivery->getId());

        return [
            'child' => $status,
            'kept' => $engine->heartbeat($claim->getToken()),
            'report' => $engine->complete($claim->getToken(), ['text' => 'Hello Ada'])->getStatus(),
            'run' => $engine->run($run)?->getStatus(),
            'of_child' => $engine->runs(['correlation_id' => 'child'])[0]->getStatus(),
            'value' => $engine->keyValue('app')->get('from'),
            'messages' => $drain($transport),
        ];
    })(),
    // The child uses what its parent made; every call that needs the store is refused.
    'foreign-objects' => (static function () use ($fork, $wait, $drain, $engine, $transport, $values, $claim, $delivery, $run): array {
        $file = tempnam(sys_get_temp_dir(), 'ossa');
        $child = $fork(static function () use ($file, $engine, $transport, $values, $claim, $delivery, $run): void {
            $seen = [];
            foreach ([
                'start' => static fn (): mixed => $engine->start('greet', ['name' => 'Eve']),
                'claim' => static fn (): mixed => $engine->claim($claim->getToken()),
                'complete' => static fn (): mixed => $engine->complete($claim->getToken(), []),
                'run' => static fn (): mixed => $engine->run($run),
                'tick' => static fn (): mixed => $engine->tick(),
                'transport' => static fn (): mixed => $engine->transport(),
                'close' => static fn () => $engine->close(),
                'send' => static fn (): mixed => $transport->send('child'),
                'receive' => static fn (): mixed => $transport->receive(),
                'ack' => static fn () => $transport->ack($delivery->getId()),
                'get' => static fn (): mixed => $values->get('from'),
            ] as $name => $call) {
                try {
                    $call();
                    $seen[$name] = 'done';
                } catch (ExceptionInterface $exception) {
                    $seen[$name] = [$exception::class, $exception->getErrorCode(), $exception->getMessage(), $exception->getHelp()];
                }
            }
            file_put_contents($file, json_encode(['pid' => getmypid(), 'input' => $claim->getInput(), 'body' => $delivery->getBody(), 'seen' => $seen], \JSON_THROW_ON_ERROR));
        });
        $status = $wait($child);
        $seen = json_decode((string) file_get_contents($file), true);
        unlink($file);
        $transport->ack($delivery->getId());

        return ['child' => $status, 'parent_pid' => getmypid(), 'of_child' => $seen, 'messages' => $drain($transport)];
    })(),
    // The parent ends and closes the store while the child is still at it.
    'parent-ends-first' => (static function () use ($open, $fork, &$engine, &$transport, &$values): array {
        $pair = stream_socket_pair(\STREAM_PF_UNIX, \STREAM_SOCK_STREAM, 0);
        [$here, $there] = false === $pair ? exit(93) : $pair;
        $fork(static function () use ($open, $here, $there): void {
            fclose($here);
            $transport = $open()->transport(['queue' => 'of-child']);
            $transport->send('while the parent lives');
            fwrite($there, "ready\n");
            // Ends when the parent does.
            fgets($there);
            fclose($there);
            for ($number = 0; $number < 5; ++$number) {
                $transport->send('after the parent '.$number);
            }
            echo "child done\n";
        });
        fclose($there);
        fgets($here);
        $transport->close();
        $engine->close();
        $transport = $values = $engine = null;

        return [];
    })(),
    // Children are made one after the other while the background thread is busy, and end in every way.
    'many' => (static function () use ($open, $fork, $wait, $transport): array {
        $children = [];
        $taken = 10;
        for ($number = 0; $number < 500; ++$number) {
            $transport->send('more '.$number);
        }
        for ($number = 0; $number < 30; ++$number) {
            for ($i = 0; $i < 10; ++$i) {
                $transport->ack($transport->receive()[0]->getId());
                ++$taken;
            }
            $children[] = $fork(static function () use ($open, $number): void {
                $open()->transport(['queue' => 'of-children'])->send((string) $number);
                if (0 === $number % 3) {
                    posix_kill((int) getmypid(), \SIGKILL);
                }
            });
        }
        $ended = array_count_values(array_map($wait, $children));
        while ([] !== $deliveries = $transport->receive()) {
            $transport->ack($deliveries[0]->getId());
            ++$taken;
        }
        ksort($ended);

        return ['ended' => $ended, 'taken' => $taken, 'of_children' => $open()->transport(['queue' => 'of-children'])->count()];
    })(),
    default => exit(91),
};
echo json_encode($report, \JSON_THROW_ON_ERROR), "\n";
