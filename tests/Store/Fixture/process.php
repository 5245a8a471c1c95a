<?php

declare(strict_types=1);

// One of several processes of an application that share a store: process.php AUTOLOAD DSN FOLDER WHAT

use Ossa\Runtime\Engine;
use Ossa\SymfonyRuntime\Store\DoctrineConnection;
use Ossa\Tests\Store\DoctrineStoreTestCase;
use Ossa\Tests\Store\Fixture\ExitingConnection;

[, $autoload, $dsn, $folder, $what] = $_SERVER['argv'];
require $autoload;

$connection = DoctrineStoreTestCase::connect($dsn);
$engine = Engine::over(new DoctrineConnection($connection), ['manifest_roots' => [$folder]]);
$transport = $engine->transport();
$said = [];

switch ($what) {
    case 'consume':
        while ([] !== $deliveries = $transport->receive(3, 200)) {
            foreach ($deliveries as $delivery) {
                $said[] = (int) $delivery->getBody();
                $transport->ack($delivery->getId());
            }
        }
        break;
    case 'start':
        for ($key = 0; $key < 10; ++$key) {
            $run = $engine->start('book', [], ['idempotency_key' => 'order-'.$key]);
            $said[] = [$run->getId(), $run->isNew()];
        }
        break;
    case 'work':
        while ([] !== $deliveries = $transport->receive(2, 200)) {
            foreach ($deliveries as $delivery) {
                $step = $engine->claim($delivery->getToken() ?? throw new LogicException('There are steps only.'));
                if (null !== $step) {
                    $engine->complete($step->getToken(), $step->getInput());
                }
                $transport->ack($delivery->getId());
            }
        }
        break;
    case 'exits':
        Engine::over(new ExitingConnection())->transport()->count();
        break;
    default:
        throw new LogicException('There is no such thing to do.');
}
echo json_encode($said, \JSON_THROW_ON_ERROR);
