//! The keys that tokens are checked with.

use std::{fmt, fs, path::Path};

use jsonwebtoken::{Algorithm, DecodingKey};

/// The least that an HMAC secret may have: as much as HS256's output (RFC 7518, 3.2).
const MIN_SECRET: usize = 32;

/// Bytes that are never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(Vec<u8>);

impl Secret {
    pub(crate) fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// A key and the one algorithm that it is for: a token cannot choose another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) algorithm: Algorithm,
    pub(crate) secret: Secret,
}

impl Key {
    /// Takes a key to sign with: a secret, or a private key as PEM, which is read when it signs.
    pub(crate) fn to_sign(algorithm: Algorithm, secret: Secret) -> Result<Self, String> {
        match algorithm {
            Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => Self::new(algorithm, secret),
            _ => Ok(Self { algorithm, secret }),
        }
    }

    /// Takes a key that fits its algorithm and is not weak. The error says what to do, and nothing of the key.
    pub(crate) fn new(algorithm: Algorithm, secret: Secret) -> Result<Self, String> {
        let bytes = secret.expose();
        let is_pem = bytes.trim_ascii_start().starts_with(b"-----BEGIN ");
        let parsed = match algorithm {
            Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => {
                // Who knows the public key could otherwise sign with it as if it were the secret.
                if is_pem {
                    return Err(format!(
                        "It is a PEM key, which {algorithm:?} does not take. Set the algorithm to the key's, such as \
                         RS256, ES256 or EdDSA."
                    ));
                }
                if bytes.len() < MIN_SECRET {
                    return Err(format!(
                        "It has {} bytes, which can be guessed; {MIN_SECRET} are the least. Make one with `headwater \
                         token --generate-key`.",
                        bytes.len()
                    ));
                }
                return Ok(Self { algorithm, secret });
            }
            Algorithm::ES256 | Algorithm::ES384 => DecodingKey::from_ec_pem(bytes),
            Algorithm::EdDSA => DecodingKey::from_ed_pem(bytes),
            _ => DecodingKey::from_rsa_pem(bytes),
        };
        match parsed {
            Ok(_) => Ok(Self { algorithm, secret }),
            Err(_) => Err(format!(
                "It is no key for {algorithm:?}. Give the public key as PEM (`-----BEGIN PUBLIC KEY-----`), best from \
                 a file."
            )),
        }
    }
}

/// Reads a key's file.
pub(crate) fn read_key(path: &Path) -> Result<Secret, String> {
    // A path that is no key, such as a device without end, must not be read without one.
    const MAX_KEY_FILE: u64 = 1 << 20;
    let shown = path.display();
    let unreadable = |error: std::io::Error| {
        format!("\"{shown}\" cannot be read ({error}). Check the path and its permissions.")
    };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_dir() && metadata.len() > MAX_KEY_FILE {
        return Err(format!("\"{shown}\" is too large for a key. Check the path."));
    }
    let mut bytes = fs::read(path).map_err(unreadable)?;
    // Editors and `echo` end a file with a line break; it is no part of the key.
    if bytes.pop_if(|last| *last == b'\n').is_some() {
        bytes.pop_if(|last| *last == b'\r');
    }
    Ok(Secret::new(bytes))
}
