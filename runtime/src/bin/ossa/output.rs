//! Writing, without surprises when nobody reads any more.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::process::ExitCode;

use clap::ValueEnum;
use ossa_runtime::manifest::render::Colour;

/// Exit code when there are findings.
pub(crate) const FINDINGS: u8 = 1;
/// Exit code for wrong usage and for failures to read or write.
pub(crate) const FAILURE: u8 = 2;

/// Standard output, buffered, and standard error.
pub(crate) struct Output {
    stdout: BufWriter<Stdout>,
    colour: Colour,
}

impl Output {
    pub(crate) fn new() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let colour = if wanted && io::stdout().is_terminal() {
            Colour::Always
        } else {
            Colour::Never
        };
        Self {
            stdout: BufWriter::new(io::stdout()),
            colour,
        }
    }

    /// Whether what is written to standard output may have colours.
    pub(crate) const fn colour(&self) -> Colour {
        self.colour
    }

    /// A line of what was asked for.
    pub(crate) fn line(&mut self, text: impl AsRef<str>) -> io::Result<()> {
        writeln!(self.stdout, "{}", text.as_ref())
    }

    /// Has everything so far seen by whoever reads.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.stdout.flush()
    }

    /// A line for whoever sits in front of it.
    #[allow(clippy::unused_self, clippy::needless_pass_by_ref_mut)]
    pub(crate) fn note(&mut self, text: impl AsRef<str>) {
        // There is no one left to tell that telling failed.
        let _ = writeln!(io::stderr(), "{}", text.as_ref());
    }

    /// The exit code after everything is written.
    pub(crate) fn finish(mut self, result: io::Result<u8>) -> ExitCode {
        let result = result.and_then(|code| self.stdout.flush().map(|()| code));
        match result {
            Ok(code) => ExitCode::from(code),
            // The reader has seen enough, as with `| head`.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Err(error) => {
                self.note(format!("ossa: cannot write: {error}"));
                ExitCode::from(FAILURE)
            }
        }
    }
}

/// How results are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// JSON: one object a line for lists and events, one object for a run
    Json,
}

pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> io::Result<String> {
    Ok(serde_json::to_string(value)?)
}
