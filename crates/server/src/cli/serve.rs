//! `headwater serve`: a hub for production.

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, ValueHint, value_parser};

use super::tell_errors;
use crate::config::{
    self, Machine,
    setting::{Fallback, Setting, Shape, settings},
};

const ABOUT: &str = "Runs a hub";
const LONG_ABOUT: &str = "\
Runs a hub until SIGTERM or SIGINT, then drains; a second signal ends it at once.

Everything below can be set in three ways, of which the first that is used wins:
  a flag             --retain-age 24h
  a variable         HEADWATER_RETAIN_AGE=24h
  a key of the file  retain_age = \"24h\"
All that is wrong is listed at once, before anything is bound, and the exit status is 2.

Durations have a unit (500ms, 15s, 10m, 24h, 7d), and 0 needs none. Sizes are bytes, or have a unit (64KiB, 10MiB, \
1GiB). What takes several values takes them as a repeated flag, as a variable with commas, or as an array in the file.";
const EXAMPLES: &str = "\
Examples:
  headwater token --generate-key > publisher.key
  headwater serve --publisher-key-file publisher.key --anonymous
  headwater serve --config headwater.toml --listen 0.0.0.0:80 --listen '[::]:80'
  HEADWATER_PUBLISHER_KEY=$(cat publisher.key) headwater serve --cors-origin https://example.com

headwater.toml:
  listen = [\"127.0.0.1:3000\", \"[::1]:3000\"]
  publisher_key_file = \"/etc/headwater/publisher.key\"
  cors_origin = [\"https://example.com\"]
  anonymous = true
  history = \"/var/lib/headwater\"
  retain_age = \"24h\"

  [[retain]]                 # shorter for some topics; of the tables that match, the first counts
  selector = \"/chat/{room}\"
  age = \"1h\"";

/// The flags, as typed: they are understood together with the variables and the file.
pub(super) struct ServeArgs {
    config: Option<PathBuf>,
    flags: Vec<(&'static Setting, Vec<String>)>,
}

/// By hand, because the flags come from the same table as the variables and the file's keys.
impl Args for ServeArgs {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .value_hint(ValueHint::FilePath)
            .help("TOML file to read settings from [variable: HEADWATER_CONFIG]");
        command
            .about(ABOUT)
            .long_about(LONG_ABOUT)
            .after_help(EXAMPLES)
            .arg(config)
            .args(settings().map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ServeArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |setting: &'static Setting| {
            let values = matches.get_many::<String>(setting.name)?;
            Some((setting, values.cloned().collect()))
        };
        Ok(Self {
            config: matches.get_one::<PathBuf>("config").cloned(),
            flags: settings().filter_map(given).collect(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn argument(setting: &'static Setting) -> Arg {
    let default = match setting.fallback {
        Fallback::Value(_) if setting.shape == Shape::Switch => String::new(),
        Fallback::Value(text) | Fallback::Found(text) => format!(" [default: {text}]"),
        Fallback::Nothing => String::new(),
    };
    let argument = Arg::new(setting.name)
        .long(setting.name)
        .value_name(setting.value)
        .help_heading(setting.group)
        .help(format!("{}{default}", setting.help))
        // Also of those that take one value: the last one counts, as in most programs.
        .action(ArgAction::Append);
    if setting.shape == Shape::Switch {
        argument.num_args(0..=1).require_equals(true).default_missing_value("true").hide_possible_values(true)
    } else {
        // A PEM key begins with hyphens, a made one may: taken for a flag it would be refused, and shown.
        let argument = argument.allow_hyphen_values(true);
        match setting.value {
            "FILE" => argument.value_hint(ValueHint::FilePath),
            "PATH" => argument.value_hint(ValueHint::DirPath),
            _ => argument,
        }
    }
}

pub(super) fn run(args: ServeArgs, variables: &BTreeMap<OsString, OsString>) -> ExitCode {
    match config::load(args.config, args.flags, variables, &Machine::this()) {
        Ok(config) => crate::serve::run(config),
        Err(errors) => tell_errors(&errors),
    }
}
