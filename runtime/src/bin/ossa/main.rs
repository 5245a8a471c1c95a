//! The command `ossa`.
//!
//! What was asked for goes to standard output, everything else to standard error. Exit codes: 0 fine, 1 there are
//! findings, 2 wrong usage or a failure to read or write. Colour only on a terminal, and not with `NO_COLOR`.

mod breaker;
mod channel;
mod dlq;
mod doctor;
mod explain;
mod failure;
mod graph;
mod output;
mod route;
mod run;
mod run_answer;
mod run_list;
mod run_migrate;
mod run_move;
mod run_steer;
mod sim;
mod store;
mod time;
mod timeline;
mod validate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use output::Output;

/// Durable execution of OSSA tasks and workflows.
#[derive(Debug, Parser)]
#[command(name = "ossa", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Channel(channel::Channel),
    Dlq(dlq::Dlq),
    Validate(validate::Validate),
    Doctor(doctor::Doctor),
    Explain(explain::Explain),
    Graph(graph::Draw),
    Route(route::Route),
    Run(run::Run),
    Breaker(breaker::Breaker),
    Sim(sim::Sim),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut output = Output::new();
    let result = match cli.verb {
        Verb::Channel(verb) => verb.run(&mut output),
        Verb::Dlq(verb) => verb.run(&mut output),
        Verb::Validate(verb) => verb.run(&mut output),
        Verb::Doctor(verb) => verb.run(&mut output),
        Verb::Explain(verb) => verb.run(&mut output),
        Verb::Graph(verb) => verb.run(&mut output),
        Verb::Route(verb) => verb.run(&mut output),
        Verb::Run(verb) => verb.run(&mut output),
        Verb::Breaker(verb) => verb.run(&mut output),
        Verb::Sim(verb) => verb.run(&mut output),
    };
    output.finish(result)
}
