<?php

declare(strict_types=1);

namespace ApiNormalizer\Command;

use Ossa\SymfonyRuntime\Message\OssaChannelMessage;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Input\InputArgument;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;
use Symfony\Component\Messenger\MessageBusInterface;

/** The agent api-gateway: publishes a response as it came. */
#[AsCommand('app:collect', 'Publishes the response of an API')]
final class CollectCommand extends Command
{
    public function __construct(private readonly MessageBusInterface $bus)
    {
        parent::__construct();
    }

    protected function configure(): void
    {
        $this
            ->addArgument('endpoint', InputArgument::REQUIRED, 'The path that was asked for')
            ->addArgument('body', InputArgument::REQUIRED, 'The response, a JSON object');
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        [$endpoint, $body] = [$input->getArgument('endpoint'), $input->getArgument('body')];
        \assert(\is_string($endpoint) && \is_string($body));
        $this->bus->dispatch(new OssaChannelMessage('api.responses', ['endpoint' => $endpoint, 'body' => json_decode($body, true, flags: \JSON_THROW_ON_ERROR)], source: 'api-gateway'));
        $output->writeln(\sprintf('published on api.responses: %s', $endpoint));

        return Command::SUCCESS;
    }
}
