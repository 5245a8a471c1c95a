<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Doctor;

/**
 * One thing that was examined.
 *
 * @internal
 */
final readonly class Examined
{
    public const FINE = 'fine';
    public const WARNING = 'warning';
    public const BROKEN = 'broken';

    /**
     * @param string                                $subject   what it is about
     * @param self::FINE|self::WARNING|self::BROKEN $condition
     * @param string                                $found     what was found, and what it may cost
     * @param string|null                           $remedy    what to change
     */
    public function __construct(
        public string $subject,
        public string $condition,
        public string $found,
        public ?string $remedy = null,
    ) {
    }
}
