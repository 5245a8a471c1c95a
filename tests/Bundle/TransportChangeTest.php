<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle;

use Ossa\Tests\Application\ApplicationTestCase;
use Ossa\Tests\Application\Handler\Workshop;
use PHPUnit\Framework\Attributes\DataProvider;

/** An application is configured for another transport while runs are under way. */
final class TransportChangeTest extends ApplicationTestCase
{
    private const ENGINE = 'ossa://default';
    private const MESSENGER = 'doctrine://default';

    /** @return iterable<string, array{string, string}> */
    public static function changes(): iterable
    {
        yield 'from the engine to Messenger' => [self::ENGINE, self::MESSENGER];
        yield 'from Messenger to the engine' => [self::MESSENGER, self::ENGINE];
    }

    #[DataProvider('changes')]
    public function testARunThatHasNotBegunIsCarriedOutOnTheNewTransport(string $old, string $new): void
    {
        $this->bootOn($old);
        $id = $this->runtime()->startWorkflow('three-steps', ['value' => 7])->getId();

        $this->bootOn($new);
        $this->workUntilEnded($id, self::ENGINE === $old ? ['work'] : ['work', 'before']);

        self::assertSame('completed', $this->runOf($id)->getStatus(), $this->log());
        self::assertCount(3, $this->effects()->all());
    }

    #[DataProvider('changes')]
    public function testARunInTheMiddleGoesOnOnTheNewTransport(string $old, string $new): void
    {
        $this->bootOn($old);
        $id = $this->runtime()->startWorkflow('three-steps', ['value' => 7])->getId();
        $this->workUntil(fn (): bool => [] !== $this->effects()->all(), ['work']);

        $this->bootOn($new);
        $this->workUntilEnded($id, self::ENGINE === $old ? ['work'] : ['work', 'before']);

        self::assertSame('completed', $this->runOf($id)->getStatus(), $this->log());
        self::assertCount(3, $this->effects()->all());
    }

    public function testAWorkerOfTheOldQueueFinishesWhatIsInIt(): void
    {
        $this->bootOn('ossa://default?queue=old');
        $id = $this->runtime()->startWorkflow('three-steps', ['value' => 7])->getId();

        $this->boot(
            ['runtime' => ['transport' => 'work']],
            ['transports' => ['work' => 'ossa://default?queue=new', 'old' => 'ossa://default?queue=old']],
            [Workshop::class],
        );
        $this->workUntilEnded($id, ['work', 'old']);

        self::assertSame('completed', $this->runOf($id)->getStatus(), $this->log());
    }

    private function bootOn(string $dsn): void
    {
        $this->boot(['runtime' => ['transport' => 'work']], ['transports' => ['work' => $dsn, 'before' => self::MESSENGER]], [Workshop::class]);
    }
}
