<?php

declare(strict_types=1);

namespace Ossa\SymfonyRuntime\Command;

use Ossa\SymfonyRuntime\EngineFactory;
use Symfony\Component\Console\Attribute\AsCommand;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;
use Symfony\Component\Console\Output\OutputInterface;
use Symfony\Component\Console\Style\SymfonyStyle;

/** @internal */
#[AsCommand(name: 'ossa:store:setup', description: 'Creates the store of runs, or what is missing of it')]
final class StoreSetupCommand extends Command
{
    public function __construct(private readonly EngineFactory $factory)
    {
        parent::__construct();
    }

    protected function configure(): void
    {
        $this
            ->addOption('dump-sql', null, InputOption::VALUE_NONE, 'Print the statements instead, for a migration')
            ->setHelp(<<<'HELP'
                Stores are created when they are first used; a store in tables of the application's database
                (<info>doctrine://</info>) is not with <info>auto_setup=false</info>, nor while a transaction is open. This command
                creates it beforehand. What is there already stays as it is.

                With <info>--dump-sql</info> nothing is created: copy the statements into a migration.
                HELP);
    }

    protected function execute(InputInterface $input, OutputInterface $output): int
    {
        $style = new SymfonyStyle($input, $output);
        if (true !== $input->getOption('dump-sql')) {
            $this->factory->setUpStore();
            $style->success('The store is ready.');

            return self::SUCCESS;
        }
        $statements = $this->factory->storeSchema();
        if (null === $statements) {
            $style->error('Only a store in tables of the application\'s database ("doctrine://…") is created by SQL.');

            return self::FAILURE;
        }
        foreach ($statements as $statement) {
            $output->writeln($statement.';');
        }

        return self::SUCCESS;
    }
}
