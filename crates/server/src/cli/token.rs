//! `headwater token`: keys, and the tokens that they sign.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::PathBuf,
    process::ExitCode,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use clap::Args;
use jsonwebtoken::Algorithm;
use serde_json::Value;

use super::{print, tell, usage};
use crate::{
    auth::Grant,
    config::{Key, Secret, read_key, value},
};

const EXAMPLES: &str = "\
Examples:
  headwater token --generate-key > publisher.key
  headwater token --key-file publisher.key --publish '*'
  headwater token --key-file publisher.key --subscribe 'https://example.com/users/1/{+any}' --expires 15m
  curl -H \"Authorization: Bearer $(headwater token --key-file publisher.key --publish '*')\" …";

/// Prints a token: what publishers and subscribers show to the hub.
///
/// It is a JWT with the claim `mercure`, printed alone, so that `$(headwater token …)` can be used. Without --key and
/// --key-file the hub's own variables are used: `HEADWATER_PUBLISHER_KEY`, `HEADWATER_PUBLISHER_KEY_FILE` and
/// `HEADWATER_PUBLISHER_ALGORITHM`.
#[derive(Args, Default)]
#[command(after_help = EXAMPLES)]
pub(super) struct TokenArgs {
    /// Key to sign with: the hub's HMAC secret, or the private key (PEM) to its public key.
    #[arg(long, value_name = "KEY", conflicts_with = "key_file", allow_hyphen_values = true)]
    key: Option<String>,

    /// File that holds the key.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,

    /// Algorithm to sign with, the one that the hub is set to [default: HS256].
    #[arg(long, value_name = "ALG")]
    algorithm: Option<String>,

    /// Selector of topics that it may publish to; `*` is all. May be given several times.
    #[arg(long, value_name = "SELECTOR")]
    publish: Vec<String>,

    /// Selector of topics whose private updates it may receive. May be given several times.
    #[arg(long, value_name = "SELECTOR")]
    subscribe: Vec<String>,

    /// How long it is valid, such as 15m or 7d; `never` for one that does not expire.
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    expires: String,

    /// JSON about the subscriber, which the hub shows to others.
    #[arg(long, value_name = "JSON")]
    payload: Option<String>,

    /// Prints a new HMAC key instead of a token.
    #[arg(long, conflicts_with_all = ["key", "key_file", "algorithm", "publish", "subscribe", "payload"])]
    generate_key: bool,
}

pub(super) fn run(args: &TokenArgs, variables: &BTreeMap<OsString, OsString>) -> ExitCode {
    if args.generate_key {
        return match generate_key() {
            Ok(key) => print(key),
            Err(error) => {
                tell(format_args!("headwater: the system gives no random numbers ({error})"));
                ExitCode::FAILURE
            }
        };
    }
    match token(args, variables, SystemTime::now()) {
        Ok(token) => {
            if args.publish.is_empty() && args.subscribe.is_empty() {
                tell(
                    "headwater token: it grants nothing beyond public updates; see --publish and --subscribe",
                );
            }
            print(token)
        }
        Err(errors) => {
            for error in errors {
                tell(format_args!("headwater token: {error}"));
            }
            usage()
        }
    }
}

/// A key of 383 random bits, in letters, digits, `-` and `_`, which every shell and file takes as they are.
pub(super) fn generate_key() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 48];
    getrandom::fill(&mut bytes)?;
    // Without its first bit it begins with a letter: with a hyphen, programs would take it for a flag.
    bytes[0] &= 0x7f;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// Makes the token, or says all that is wrong.
fn token(
    args: &TokenArgs,
    variables: &BTreeMap<OsString, OsString>,
    now: SystemTime,
) -> Result<String, Vec<String>> {
    let mut errors = Vec::new();
    let mut note = |flag: &str, message: String| errors.push(format!("{flag}: {message}"));

    let key = signing_key(args, variables).map_err(|(flag, message)| note(flag, message)).ok();
    let expires = match args.expires.as_str() {
        "never" => Some(None),
        text => match value::duration(text) {
            Ok(Duration::ZERO) => {
                note("--expires", "It would have expired. Write a duration, or `never`.".into());
                None
            }
            Ok(duration) => Some(now.checked_add(duration)),
            Err(message) => {
                note("--expires", message);
                None
            }
        },
    };
    let payload = match args.payload.as_deref().map(serde_json::from_str::<Value>) {
        None => Some(None),
        Some(Ok(payload)) => Some(Some(payload)),
        Some(Err(error)) => {
            note("--payload", format!("It is no JSON ({error}). Write such as '{{\"name\":\"Ada\"}}'."));
            None
        }
    };
    let (Some(key), Some(expires), Some(payload)) = (key, expires, payload) else { return Err(errors) };
    let grant = Grant::new(&args.publish, &args.subscribe, payload, expires);
    grant.sign(&key).map_err(|error| vec![format!("--key: {error}")])
}

/// The key: flags first, else the hub's own variables.
fn signing_key(
    args: &TokenArgs,
    variables: &BTreeMap<OsString, OsString>,
) -> Result<Key, (&'static str, String)> {
    let variable = |name: &str| {
        variables.get(OsStr::new(name)).filter(|value| !value.is_empty()).and_then(|value| value.to_str())
    };
    let algorithm = args.algorithm.as_deref().or_else(|| variable("HEADWATER_PUBLISHER_ALGORITHM"));
    let algorithm = algorithm.unwrap_or("HS256");
    let algorithm: Algorithm = algorithm.parse().map_err(|_| {
        ("--algorithm", format!("\"{algorithm}\" is not known. Write one such as HS256 or RS256."))
    })?;

    let from_file = |flag, path: PathBuf| read_key(&path).map_err(|message| (flag, message));
    let (flag, secret) = if let Some(key) = &args.key {
        ("--key", Secret::new(key.as_str()))
    } else if let Some(path) = &args.key_file {
        ("--key-file", from_file("--key-file", path.clone())?)
    } else if let Some(key) = variable("HEADWATER_PUBLISHER_KEY") {
        ("HEADWATER_PUBLISHER_KEY", Secret::new(key))
    } else if let Some(path) = variable("HEADWATER_PUBLISHER_KEY_FILE") {
        ("HEADWATER_PUBLISHER_KEY_FILE", from_file("HEADWATER_PUBLISHER_KEY_FILE", path.into())?)
    } else {
        return Err((
            "--key",
            "None is given. Add --key-file with the hub's key (`headwater token --generate-key` makes one)."
                .into(),
        ));
    };
    Key::to_sign(algorithm, secret).map_err(|message| (flag, message))
}

#[cfg(test)]
mod tests {
    use headwater_hub::Selector;
    use http::{HeaderMap, header::AUTHORIZATION};
    use jsonwebtoken::{DecodingKey, Validation};
    use serde_json::json;

    use super::*;
    use crate::{auth, config};

    const KEY: &str = "a-secret-of-thirty-two-bytes-or-more";

    fn args() -> TokenArgs {
        TokenArgs { key: Some(KEY.into()), expires: "1h".into(), ..TokenArgs::default() }
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn claims(token: &str) -> Value {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        jsonwebtoken::decode::<Value>(token, &DecodingKey::from_secret(KEY.as_bytes()), &validation)
            .unwrap()
            .claims
    }

    #[test]
    fn the_claims_are_the_protocols() {
        let args = TokenArgs {
            publish: vec!["*".into()],
            subscribe: vec!["a".into(), "b/{id}".into()],
            payload: Some(r#"{"name":"Ada"}"#.into()),
            ..args()
        };
        let token = token(&args, &BTreeMap::new(), at(1000)).unwrap();
        let expected = json!({
            "mercure": {"publish": ["*"], "subscribe": ["a", "b/{id}"], "payload": {"name": "Ada"}},
            "exp": 1000 + 3600,
        });
        assert_eq!(claims(&token), expected);
    }

    #[test]
    fn the_hub_takes_the_token_until_it_expires() {
        let args = TokenArgs { publish: vec!["books/{id}".into()], ..args() };
        let token = token(&args, &BTreeMap::new(), at(1_000_000)).unwrap();
        let variables = BTreeMap::from([("HEADWATER_PUBLISHER_KEY".into(), KEY.into())]);
        let config = config::load(None, [], &variables, &config::Machine::this()).unwrap();
        let hub = auth::Authenticator::new(&config.auth, config.limits.token).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        let access = hub.publisher(&headers, None, at(1_000_000)).unwrap();
        assert_eq!(access.publish, [Selector::new("books/{id}")]);
        assert!(hub.publisher(&headers, None, at(1_000_000 + 2 * 3600)).is_err());
    }

    #[test]
    fn what_is_not_asked_for_is_not_granted() {
        let args = TokenArgs { expires: "never".into(), ..args() };
        assert_eq!(claims(&token(&args, &BTreeMap::new(), at(0)).unwrap()), json!({"mercure": {}}));
    }

    #[test]
    fn the_hubs_own_variables_give_the_key_where_no_flag_does() {
        let variables = BTreeMap::from([(OsString::from("HEADWATER_PUBLISHER_KEY"), OsString::from(KEY))]);
        let args = TokenArgs { key: None, ..args() };
        claims(&token(&args, &variables, at(0)).unwrap());
        assert_eq!(token(&args, &BTreeMap::new(), at(0)).unwrap_err().len(), 1);
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let args = TokenArgs {
            key: Some("short".into()),
            expires: "0".into(),
            payload: Some("{".into()),
            ..TokenArgs::default()
        };
        let errors = token(&args, &BTreeMap::new(), at(0)).unwrap_err();
        let flags: Vec<_> = errors.iter().map(|error| error.split(':').next().unwrap()).collect();
        assert_eq!(flags, ["--key", "--expires", "--payload"]);
        let args = TokenArgs { algorithm: Some("none".into()), ..self::args() };
        assert!(token(&args, &BTreeMap::new(), at(0)).unwrap_err()[0].starts_with("--algorithm"));
    }

    #[test]
    fn a_generated_key_is_long_enough_and_never_the_same() {
        let (a, b) = (generate_key().unwrap(), generate_key().unwrap());
        assert_ne!(a, b);
        assert!(
            a.starts_with(|first: char| first.is_ascii_alphabetic()),
            "no program takes it for a flag: {a}"
        );
        assert!(Key::new(Algorithm::HS512, Secret::new(a)).is_ok());
    }
}
