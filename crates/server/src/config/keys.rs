//! The keys that tokens are checked with.

use std::{fmt, fs, path::Path};

use jsonwebtoken::Algorithm;

use crate::auth::Verifier;

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

    /// Takes a key that tokens can be verified with and that is not weak. The error says what to do, and nothing of the
    /// key.
    pub(crate) fn new(algorithm: Algorithm, secret: Secret) -> Result<Self, String> {
        match Verifier::new(algorithm, secret.expose()) {
            Ok(_) => Ok(Self { algorithm, secret }),
            Err(error) => Err(error.to_string()),
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
