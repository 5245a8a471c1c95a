<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Attribute;

/**
 * Makes a service, or one method of it, a transform of message routing: one with `type: custom`, or all of `type: jsonata`.
 *
 * The method gets the expression, the message with `payload`, `targets` and `routing_rule_id`, and the name of the
 * transform; it returns what the targets get. What it throws makes the message a dead letter.
 */
#[\Attribute(\Attribute::TARGET_CLASS | \Attribute::TARGET_METHOD | \Attribute::IS_REPEATABLE)]
final readonly class AsMessageTransform
{
    /**
     * @param string      $name   `jsonata`, or what the transform names as its handler
     * @param string|null $method method to call, when the attribute is on the class; `__invoke()` if not given
     */
    public function __construct(
        public string $name,
        public ?string $method = null,
    ) {
    }
}
