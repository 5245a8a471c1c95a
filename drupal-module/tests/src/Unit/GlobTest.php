<?php

declare(strict_types=1);

namespace Drupal\Tests\ossa_eca\Unit;

use Drupal\Tests\UnitTestCase;
use Drupal\ossa_eca\Eca\Glob;

/**
 * Patterns match the names that they say.
 *
 * @group ossa_eca
 */
final class GlobTest extends UnitTestCase {

  /**
   * A pattern of tasks is the whole name, with any text for its wildcards.
   */
  public function testPatternOfTasksMatchesTheWholeName(): void {
    foreach (['*', 'phpcs-check', 'phpcs-*', '*-check', 'php??-check', '*phpcs-check*'] as $pattern) {
      self::assertTrue(Glob::matches($pattern, 'phpcs-check'), $pattern);
    }
    foreach (['', 'phpcs', 'check', 'PHPCS-check', 'phpcs-check?', 'php[a-z]s-check', 'phpcs.check', 'x*'] as $pattern) {
      self::assertFalse(Glob::matches($pattern, 'phpcs-check'), $pattern);
    }
  }

  /**
   * Nothing but "*" and "?" is special, and "*" passes over dots and slashes.
   */
  public function testOnlyTheTwoWildcardsAreSpecial(): void {
    self::assertTrue(Glob::matches('tasks/*', 'tasks/a/b.c'));
    self::assertTrue(Glob::matches('a[b]{c}\\d*', 'a[b]{c}\\d!'));
    self::assertFalse(Glob::matches('*', "") && Glob::matches('a*b', "a\nbc"));
    self::assertTrue(Glob::matches('a*b', "a\nb"));
    self::assertFalse(Glob::matches('greet*x', "greet\nx\n"));
  }

  /**
   * A pattern of channels goes by segments, as subscriptions of the engine do.
   */
  public function testPatternOfChannelsGoesBySegments(): void {
    $cases = [
      ['security.*', ['security.scans'], ['security.scan.done', 'security', 'security.']],
      ['*.dlq', ['orders.dlq'], ['orders.placed.dlq', 'dlq']],
      ['eu-*.orders', ['eu-west.orders', 'eu-.orders'], ['us-east.orders', 'eu-a.b.orders']],
      ['agents.#', ['agents', 'agents.a', 'agents.a.b'], ['agent.a', 'agentsx']],
      ['#.done', ['done', 'a.done', 'a.b.done'], ['adone', 'done.a']],
      ['a.#.z', ['a.z', 'a.b.c.z'], ['a.b', 'az']],
      ['*', ['a', 'a.b.c'], []],
      ['#', ['a', 'a.b.c'], []],
      ['a.b', ['a.b'], ['a.bc', 'axb']],
    ];
    foreach ($cases as [$pattern, $matches, $others]) {
      foreach ($matches as $channel) {
        self::assertTrue(Glob::matchesChannel($pattern, $channel), "$pattern $channel");
      }
      foreach ($others as $channel) {
        self::assertFalse(Glob::matchesChannel($pattern, $channel), "$pattern $channel");
      }
    }
  }

  /**
   * The channels of the runtime are for those who name them.
   */
  public function testChannelsOfTheRuntimeMustBeNamed(): void {
    self::assertFalse(Glob::matchesChannel('*', 'ossa.run.completed'));
    self::assertFalse(Glob::matchesChannel('#', 'ossa.run.completed'));
    self::assertTrue(Glob::matchesChannel('ossa.run.*', 'ossa.run.completed'));
  }

}
