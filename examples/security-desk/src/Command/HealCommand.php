<?php

declare(strict_types=1);

namespace SecurityDesk\Command;

use Ossa\SymfonyRuntime\Message\OssaChannelMessage;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;
use Symfony\Component\Messenger\MessageBusInterface;

/** The agent dependency-healer: tells what it found in the dependencies. */
#[AsCommand('app:heal', 'Publishes the vulnerabilities that were found')]
final class HealCommand extends Command
{
    private const FOUND = [
        ['package' => 'symfony/http-kernel', 'cve' => 'CVE-2026-1001', 'severity' => 'critical'],
        ['package' => 'guzzlehttp/psr7', 'cve' => 'CVE-2026-1002', 'severity' => 'low'],
        ['package' => 'acme/legacy', 'cve' => 'CVE-2026-1003', 'severity' => 'high'],
    ];

    public function __construct(private readonly MessageBusInterface $bus)
    {
        parent::__construct();
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        foreach (self::FOUND as $found) {
            $this->bus->dispatch(new OssaChannelMessage('security.vulnerabilities', $found, $found['cve'], 'dependency-healer'));
            $output->writeln(\sprintf('published on security.vulnerabilities: %s in %s (%s)', $found['cve'], $found['package'], $found['severity']));
        }

        return Command::SUCCESS;
    }
}
