//! `headwater completions`: for the shell's Tab key.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::{Args, Command};
use clap_complete::Shell;

/// Prints a script that completes this command's arguments.
///
/// For bash: `headwater completions bash > ~/.local/share/bash-completion/completions/headwater`. For zsh, into a file
/// `_headwater` in a folder of `$fpath`; for fish, into `~/.config/fish/completions/headwater.fish`.
#[derive(Args)]
pub(super) struct CompletionsArgs {
    /// The shell that is to run it.
    shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs, command: &mut Command) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "headwater", &mut script);
    match io::stdout().lock().write_all(&script) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
