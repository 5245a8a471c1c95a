<?php

declare(strict_types=1);

namespace Ossa\Tests\EndToEnd;

use Ossa\Tests\Chaos\History;
use PHPUnit\Framework\TestCase;

/** What {@see ChaosTest} judges by: it must find what is wrong. */
final class ChaosHistoryTest extends TestCase
{
    private string $file;
    private History $history;

    protected function setUp(): void
    {
        $this->file = (string) tempnam(sys_get_temp_dir(), 'ossa-history-');
        $this->history = new History($this->file);
    }

    protected function tearDown(): void
    {
        unlink($this->file);
    }

    public function testALetterThatNobodyHandledIsMissing(): void
    {
        array_map($this->history->confirm(...), [0, 1]);
        $this->handled([['letter', '1', '0', '77', '5']]);

        self::assertSame([0], $this->history->missing());
        self::assertSame([2, 1], [$this->history->confirmedCount(), $this->history->handledCount()]);
    }

    public function testALetterHandledTwiceIsOnTheOneWhoHandledItFirst(): void
    {
        $this->handled([['letter', '0', '0', '77', '5'], ['letter', '1', '0', '77', '6'], ['letter', '0', '0', '78', '7']]);

        self::assertSame([1, 1, 0], [$this->history->repeated(), $this->history->repeatedAfter(77), $this->history->repeatedAfter(78)]);
    }

    public function testALetterThatWasSentTwiceIsNotDoubled(): void
    {
        $this->history->confirm(0);
        $this->handled([['letter', '0', '0', '77', '5'], ['letter', '0', '1', '77', '6']]);

        self::assertSame([0, []], [$this->history->repeated(), $this->history->missing()]);
    }

    public function testARunThatEndsTooEarlyOrGoesAnotherWayIsFound(): void
    {
        array_map($this->history->began(...), ['a', 'b', 'c']);
        $this->handled([['a', 'first'], ['a', 'second'], ['b', 'second'], ['b', 'first'], ['b', 'third'], ['c', 'first'], ['c', 'second'], ['c', 'first'], ['c', 'third']]);

        self::assertSame([['a'], ['b'], 1], [$this->history->unfinished(), $this->history->disordered(), $this->history->repeated()]);
    }

    public function testATakeoverLastsUntilTheLastOfWhatWasThereBefore(): void
    {
        $this->handled([['letter', '3', '0', '77', '500'], ['letter', '4', '0', '78', '900'], ['letter', '5', '0', '78', '950']]);

        self::assertSame([400, 0], [$this->history->until(3, 5, since: 500), $this->history->until(3, 4, since: 600)]);
        self::assertSame([[78, 78], 2], [$this->history->workersSince(4), $this->history->countSince(4)]);
    }

    public function testALineIsReadOnceItIsWhole(): void
    {
        $this->history->confirm(1);
        file_put_contents($this->file, "letter\t1\t0\t7");
        $this->history->read();
        self::assertSame([1], $this->history->missing());

        file_put_contents($this->file, "8\t5\n", \FILE_APPEND);
        $this->history->read();
        self::assertSame([[], [78]], [$this->history->missing(), $this->history->workersSince(1)]);
    }

    /** @param list<list<string>> $effects */
    private function handled(array $effects): void
    {
        file_put_contents($this->file, implode('', array_map(static fn (array $fields): string => implode("\t", $fields)."\n", $effects)), \FILE_APPEND);
        $this->history->read();
    }
}
