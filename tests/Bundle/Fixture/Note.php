<?php

declare(strict_types=1);

namespace Ossa\Tests\Bundle\Fixture;

/** Any message of an application. */
final class Note
{
}
