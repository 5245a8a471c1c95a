<?php

declare(strict_types=1);

namespace App\Onboarding;

use Ossa\SymfonyRuntime\Attribute\AsCapability;
use Ossa\SymfonyRuntime\Context\OssaContext;

/** Writes mails into a folder. Its mail server is not available when the first welcome is to be sent. */
final readonly class Outbox
{
    public function __construct(private string $folder)
    {
    }

    /**
     * @param array<string, string> $variables
     *
     * @return array{sent: bool, file: string}
     */
    #[AsCapability('send_email')]
    public function send(string $to, string $template, OssaContext $context, array $variables = []): array
    {
        SlowNetwork::pretend();
        if ('welcome' === $template && 1 === $context->attempt) {
            throw new MailServerNotAvailable('421 the mail server is not available, try again later');
        }
        if (!is_dir($this->folder)) {
            mkdir($this->folder, 0777, true);
        }
        $file = $this->folder.'/'.hash('xxh3', (string) $context->effectKey).'.txt';
        file_put_contents($file, \sprintf("To: %s\nTemplate: %s\n\n%s\n", $to, $template, json_encode($variables, \JSON_PRETTY_PRINT | \JSON_UNESCAPED_SLASHES | \JSON_THROW_ON_ERROR)));

        return ['sent' => true, 'file' => basename($file)];
    }
}
