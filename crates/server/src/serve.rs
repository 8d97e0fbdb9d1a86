//! Runs a hub until it is told to stop.

use std::process::ExitCode;

use crate::config::Config;

/// Binds, serves, drains.
pub(crate) fn run(config: Config) -> ExitCode {
    let Config { log, log_level, listen, .. } = config;
    crate::log::start(log, log_level);
    tracing::error!(?listen, "this build has no server yet");
    ExitCode::FAILURE
}
