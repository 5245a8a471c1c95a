<?php

declare(strict_types=1);

namespace Ossa\Tests\Application;

use Doctrine\DBAL\Connection;
use Symfony\Component\Messenger\Envelope;
use Symfony\Component\Messenger\Middleware\MiddlewareInterface;
use Symfony\Component\Messenger\Middleware\StackInterface;
use Symfony\Component\Messenger\Stamp\ReceivedStamp;

/** Handles each message in a transaction, as the middleware "doctrine_transaction" does where Doctrine's ORM is installed. */
final readonly class Transaction implements MiddlewareInterface
{
    private Connection $connection;

    public function __construct(DoctrineConnections $connections)
    {
        $connection = $connections->getConnection();
        \assert($connection instanceof Connection);
        $this->connection = $connection;
    }

    public function handle(Envelope $envelope, StackInterface $stack): Envelope
    {
        if (null === $envelope->last(ReceivedStamp::class)) {
            return $stack->next()->handle($envelope, $stack);
        }
        $this->connection->executeStatement('BEGIN');
        try {
            $handled = $stack->next()->handle($envelope, $stack);
            $this->connection->executeStatement('COMMIT');

            return $handled;
        } catch (\Throwable $throwable) {
            $this->connection->executeStatement('ROLLBACK');

            throw $throwable;
        }
    }
}
