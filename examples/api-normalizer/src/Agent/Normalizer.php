<?php

declare(strict_types=1);

namespace ApiNormalizer\Agent;

use ApiNormalizer\Notebook;
use Ossa\SymfonyRuntime\Attribute\AsCapability;
use Ossa\SymfonyRuntime\Context\OssaContext;
use Ossa\SymfonyRuntime\Message\OssaChannelMessage;
use Symfony\Component\Messenger\MessageBusInterface;

/** Gives responses one form: names in camel case, in alphabetical order, with their types. */
final readonly class Normalizer
{
    public function __construct(
        private MessageBusInterface $bus,
        private Notebook $notebook,
    ) {
    }

    /**
     * @param array<string, mixed> $body
     *
     * @return array{fields: array<string, string>}
     */
    #[AsCapability('normalize_response')]
    public function normalize(string $endpoint, array $body, OssaContext $context): array
    {
        $fields = [];
        foreach ($body as $name => $value) {
            $fields[lcfirst(str_replace(' ', '', ucwords(strtr($name, '_-', '  '))))] = get_debug_type($value);
        }
        ksort($fields);
        // The effect key is the same when the step is tried again: what was published already is not published twice.
        $this->publish('api.normalized', ['endpoint' => $endpoint, 'fields' => $fields], $context);

        $known = $this->notebook->lines('schemas/'.$endpoint);
        $before = [] === $known ? null : (array) json_decode(end($known), true, flags: \JSON_THROW_ON_ERROR);
        if ($fields !== $before) {
            $this->notebook->add('schemas/'.$endpoint, json_encode($fields, \JSON_THROW_ON_ERROR));
        }
        if (null !== $before && $fields !== $before) {
            $removed = array_keys(array_diff_assoc(array_filter($before, is_string(...)), $fields));
            $this->publish('api.schema_changed', [
                'endpoint' => $endpoint,
                'added' => array_keys(array_diff_key($fields, $before)),
                'removed' => array_map(strval(...), $removed),
                'breaking' => [] !== $removed,
            ], $context);
        }

        return ['fields' => $fields];
    }

    /** @param array<string, mixed> $payload */
    private function publish(string $channel, array $payload, OssaContext $context): void
    {
        $this->bus->dispatch(new OssaChannelMessage($channel, $payload, $context->effectKey, 'api-normalizer'));
    }
}
