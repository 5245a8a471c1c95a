<?php

declare(strict_types=1);

namespace SecurityDesk;

use Ossa\Runtime\ChannelDelivery;
use Ossa\Runtime\Router;

/** What the agents did, and why they were asked to, for the reader of the demo. */
final class Logbook
{
    private ?Router $router = null;

    public function __construct(
        private readonly string $file,
        private readonly string $rules,
    ) {
    }

    public function note(string $agent, string $what, ?ChannelDelivery $delivery): void
    {
        file_put_contents($this->file, \sprintf("%-22s %s%s\n", $agent, $what, null === $delivery ? '' : '  ('.$this->why($delivery).')'), \FILE_APPEND);
    }

    private function why(ChannelDelivery $delivery): string
    {
        $rule = $delivery->getRule();
        /** @var array<string, mixed> $message as it was published */
        $message = json_decode($delivery->getOriginal(), true, flags: \JSON_THROW_ON_ERROR);
        foreach (($this->router ??= Router::load([$this->rules]))->explain($message)['rules'] as $judgement) {
            if ($judgement['rule'] === $rule) {
                return \sprintf('rule %s%s', $rule, isset($judgement['why']) ? ': '.$judgement['why'] : ', which has no filter');
            }
        }

        return 'subscribed';
    }
}
