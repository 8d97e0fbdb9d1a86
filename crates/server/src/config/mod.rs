//! The configuration: from flags, variables and a file ([`LowArgs`], what was typed) to [`Config`], what will run.
//!
//! A setting can be given in three ways, of which the first that gives it wins, lists as a whole: the flag
//! `--retain-age 24h`, the variable `HEADWATER_RETAIN_AGE=24h`, the key `retain_age = "24h"` of the TOML file that
//! `--config` (or `HEADWATER_CONFIG`) names. Names, defaults and help stand in one table, in `setting.rs`. What has more
//! than one part (`rule.rs`) only the file can hold.

mod error;
mod history;
mod keys;
mod limits;
mod low;
mod machine;
mod origin;
mod resolve;
mod rule;
pub(crate) mod setting;
#[cfg(test)]
mod tests;
pub(crate) mod value;

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs,
    net::SocketAddr,
    num::NonZeroUsize,
    path::PathBuf,
    time::Duration,
};

use headwater_hub::UnknownCursor;

pub(crate) use error::ConfigError;
pub(crate) use history::History;
pub(crate) use keys::{Key, Secret, read_key};
pub(crate) use limits::Limits;
pub(crate) use low::LowArgs;
pub(crate) use machine::Machine;
pub(crate) use origin::Origin;
use setting::Setting;

use crate::{
    cors::Cors,
    log::{Format, Level},
};

/// What will run: every value checked, every default filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    /// Never empty.
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) auth: Auth,
    pub(crate) cors: Cors,
    pub(crate) history: History,
    pub(crate) unknown_cursor: UnknownCursor,
    /// `None`: no heartbeats.
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) write_timeout: Duration,
    pub(crate) linger: Duration,
    pub(crate) drain: Duration,
    pub(crate) shards: NonZeroUsize,
    pub(crate) limits: Limits,
    pub(crate) log: Format,
    pub(crate) log_level: Level,
    /// Present under `headwater dev`: serve the demo, and say how to use it.
    pub(crate) dev: Option<Dev>,
}

/// Who may do what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Auth {
    pub(crate) publisher: Key,
    /// The publisher's, unless another is given.
    pub(crate) subscriber: Key,
    pub(crate) anonymous: bool,
    pub(crate) cookie_name: String,
    /// Whose pages may publish with a cookie.
    pub(crate) publish_origins: Vec<Origin>,
}

/// What `headwater dev` tells whoever tries things out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dev {
    /// Publishes to every topic. Shown on the terminal, as the curl lines need it.
    pub(crate) publisher_token: String,
}

/// Reads the file, joins the three sources and understands them. Nothing is bound, started or written.
pub(crate) fn load(
    config: Option<PathBuf>,
    flags: impl IntoIterator<Item = (&'static Setting, Vec<String>)>,
    variables: &BTreeMap<OsString, OsString>,
    machine: &Machine,
) -> Result<Config, Vec<ConfigError>> {
    let mut errors = Vec::new();
    let mut low = LowArgs::default();
    low.add_flags(flags);
    low.add_variables(variables, &mut errors);

    let variable = OsStr::new("HEADWATER_CONFIG");
    let named = || variables.get(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
    let place = if config.is_some() { "--config" } else { "HEADWATER_CONFIG" };
    if let Some(path) = config.or_else(named) {
        match fs::read_to_string(&path) {
            Ok(text) => low.add_file(&path, &text, &mut errors),
            Err(error) => {
                let message = format!(
                    "\"{}\" cannot be read ({error}). Check the path and its permissions.",
                    path.display()
                );
                errors.push(ConfigError::new(place, message));
            }
        }
    }
    resolve::resolve(low, machine, errors)
}
