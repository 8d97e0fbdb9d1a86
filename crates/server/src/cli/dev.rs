//! `headwater dev`: a hub for trying things out.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    process::ExitCode,
};

use clap::{Args, ValueHint};
use headwater_hub::HistoryPlace;

use super::{tell, tell_errors, token};
use crate::{
    auth::Grant,
    body::field::HUB_PATH,
    config::{self, Config, ConfigError, Dev, Machine, setting::setting},
    demo,
};

/// Runs a hub for trying things out: with pages that show it at work, and keys of its own.
///
/// Everybody may subscribe, pages of every origin too; publishing, and seeing private updates, takes the token that
/// it prints. The key behind it is new at each start; updates and their subscribers survive it. Reads no variables and
/// no file; for production, see `headwater serve`.
#[derive(Args)]
pub(super) struct DevArgs {
    /// IP address and port to listen on; may be given several times.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3000")]
    listen: Vec<String>,
    /// Directory that updates are retained in, made if it is not there; or `memory`, which is empty after each restart.
    #[arg(long, value_name = "PATH", default_value = "./headwater-data", value_hint = ValueHint::DirPath)]
    history: String,
}

pub(super) fn run(args: &DevArgs) -> ExitCode {
    let key = match token::generate_key() {
        Ok(key) => key,
        Err(error) => {
            tell(format_args!("headwater: the system gives no random numbers ({error})"));
            return ExitCode::FAILURE;
        }
    };
    match configure(args, &key, &Machine::this()) {
        Ok(config) => crate::serve::run(config),
        Err(errors) => tell_errors(&errors),
    }
}

fn configure(args: &DevArgs, key: &str, machine: &Machine) -> Result<Config, Vec<ConfigError>> {
    let flags = [
        ("listen", args.listen.clone()),
        ("history", vec![args.history.clone()]),
        ("publisher-key", vec![key.to_owned()]),
        ("anonymous", vec!["true".to_owned()]),
        ("cors-origin", vec!["*".to_owned()]),
        // Whoever tries things out starts it again and again, and has few streams to stagger.
        ("drain", vec!["0s".to_owned()]),
    ];
    let flags = flags.map(|(name, values)| (setting(name), values));
    let mut config = config::load(None, flags, &BTreeMap::new(), machine)?;
    let all = ["*".to_owned()];
    let publisher_token = Grant::new(&all, &all, None, None)
        .sign(&config.auth.publisher)
        .map_err(|error| vec![ConfigError::new("--publisher-key", error.to_string())])?;
    config.history.rules = demo::retain_rules();
    config.dev = Some(Dev { publisher_token });
    Ok(config)
}

/// What to open and paste, once the hub listens at `bound`.
pub(crate) fn banner(bound: &[SocketAddr], dev: &Dev, history: &HistoryPlace) -> String {
    let base = bound.first().map(|address| base_url(*address)).unwrap_or_default();
    let token = &dev.publisher_token;
    let history = match history {
        HistoryPlace::Directory(path) => format!(
            "History is kept in {}, also when it stops. To start without: --history memory",
            path.display()
        ),
        _ => "History is in memory and ends with it. To keep it: --history PATH".into(),
    };
    format!(
        "\
Headwater is running. Its key is new at each start and ends with it.
{history}

  Open in a browser:
    {base}/

  Subscribe in a terminal:
    curl -N '{base}{HUB_PATH}?topic=hello'

  Publish from another:
    curl '{base}{HUB_PATH}' -d topic=hello -d data=world \\
      -H 'Authorization: Bearer {token}'

Stop it with Ctrl-C.
"
    )
}

/// How a browser on this machine reaches the address.
fn base_url(address: SocketAddr) -> String {
    let port = address.port();
    match address.ip() {
        ip if ip.is_unspecified() => format!("http://localhost:{port}"),
        IpAddr::V4(ip) => format!("http://{ip}:{port}"),
        IpAddr::V6(ip) => format!("http://[{ip}]:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::cors::Cors;

    const MACHINE: Machine = Machine { cores: NonZeroUsize::MIN, descriptors: 1024 };

    #[test]
    fn everybody_may_subscribe_and_the_token_may_publish() {
        let args = DevArgs {
            listen: vec!["127.0.0.1:0".into(), "[::1]:0".into()],
            history: "./headwater-data".into(),
        };
        let config = configure(&args, &"k".repeat(64), &MACHINE).unwrap();
        assert_eq!(config.listen.len(), 2);
        assert!(config.auth.anonymous);
        assert_eq!(config.cors, Cors::Any);
        assert_eq!(config.history.place, HistoryPlace::Directory("./headwater-data".into()));
        assert!(config.auth.publish_origins.is_empty());
        assert_eq!(config.dev.unwrap().publisher_token.split('.').count(), 3);
    }

    #[test]
    fn a_wrong_address_is_told_like_any_other_error() {
        let args = DevArgs { listen: vec!["here".into()], history: "memory".into() };
        let errors = configure(&args, &"k".repeat(64), &MACHINE).unwrap_err();
        assert!(errors[0].to_string().starts_with("--listen: \"here\""), "{errors:?}");
    }

    #[test]
    fn the_banner_can_be_opened_and_pasted() {
        let dev = Dev { publisher_token: "a.b.c".into() };
        for (bound, base) in [
            ("127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("0.0.0.0:80", "http://localhost:80"),
            ("[::]:80", "http://localhost:80"),
            ("[::1]:8080", "http://[::1]:8080"),
        ] {
            let banner = banner(&[bound.parse().unwrap()], &dev, &HistoryPlace::Memory);
            assert!(banner.contains(&format!("    {base}/\n")), "{banner}");
            assert!(
                banner.contains(&format!("curl -N '{base}/.well-known/mercure?topic=hello'")),
                "{banner}"
            );
            assert!(banner.contains("Bearer a.b.c'"), "{banner}");
        }
    }

    #[test]
    fn the_banner_says_where_history_is_and_how_to_have_it_otherwise() {
        let dev = Dev { publisher_token: "a.b.c".into() };
        let told = |place| banner(&["127.0.0.1:3000".parse().unwrap()], &dev, &place);
        let kept = told(HistoryPlace::Directory("./headwater-data".into()));
        assert!(kept.contains("kept in ./headwater-data") && kept.contains("--history memory"), "{kept}");
        let lost = told(HistoryPlace::Memory);
        assert!(lost.contains("in memory") && lost.contains("--history PATH"), "{lost}");
    }
}
