//! The keys that tokens are verified and signed with.

use std::fmt;

use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey, Header, crypto};
use serde::Serialize;

/// An HMAC key shorter than the hash can be guessed from one token (RFC 7518, section 3.2: as long as the hash; we ask
/// for SHA-256's of all three, so that a key stays good when the algorithm is changed).
const MIN_HMAC_BYTES: usize = 32;

/// The DER of an RSA public key of 2,048 bits has some 270 bytes, of 1,024 bits 140. Smaller keys can be factored, and
/// the verification refuses them.
const MIN_RSA_DER_BYTES: usize = 256;

/// Why a key cannot be used. Its text says what to do, and shows nothing of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyError {
    #[error(
        "It has {bytes} bytes, which can be guessed; {MIN_HMAC_BYTES} are the least. Make one with `headwater token \
         --generate-key`."
    )]
    Weak { bytes: usize },
    // Who knows the public key could otherwise sign with it as if it were the secret.
    #[error(
        "It is a PEM key, which {0:?} does not take. Set the algorithm to the key's, such as RS256, ES256 or EdDSA."
    )]
    PemForHmac(Algorithm),
    #[error(
        "It is no PEM key, as {0:?} needs one (`-----BEGIN PUBLIC KEY-----`, best from a file). For a secret, set the \
         algorithm to HS256."
    )]
    NotPem(Algorithm),
    #[error(
        "It is a private key, which is for who issues tokens and not for the hub. Give the public one: `openssl pkey \
         -pubout -in FILE`."
    )]
    Private,
    #[error("It is a certificate. Give its public key: `openssl x509 -pubkey -noout -in FILE`.")]
    Certificate,
    #[error("It is no public key for {0:?}. Check the file, and for which algorithm it was made.")]
    Unfit(Algorithm),
    #[error("It has less than 2048 bits, which can be broken. Make a larger one, or one for ES256 or EdDSA.")]
    SmallRsa,
    #[error("It cannot sign with {0:?}. Give the private key as PEM (`-----BEGIN PRIVATE KEY-----`).")]
    CannotSign(Algorithm),
}

/// Verifies signatures of one algorithm with one key.
pub(crate) struct Verifier {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl Verifier {
    /// Takes a secret for HS256, HS384 and HS512, else a public key in PEM.
    pub(crate) fn new(algorithm: Algorithm, key: &[u8]) -> Result<Self, KeyError> {
        if algorithm.family() == AlgorithmFamily::Hmac {
            return Ok(Self { algorithm, key: DecodingKey::from_secret(secret(algorithm, key)?) });
        }
        match pem_label(key) {
            None => return Err(KeyError::NotPem(algorithm)),
            Some(label) if label.contains("PRIVATE") => return Err(KeyError::Private),
            Some(label) if label.contains("CERTIFICATE") => return Err(KeyError::Certificate),
            Some(_) => {}
        }
        let parsed = match algorithm.family() {
            AlgorithmFamily::Ec => DecodingKey::from_ec_pem(key),
            AlgorithmFamily::Ed => DecodingKey::from_ed_pem(key),
            AlgorithmFamily::Rsa | AlgorithmFamily::Hmac => DecodingKey::from_rsa_pem(key),
        };
        let key = parsed.map_err(|_| KeyError::Unfit(algorithm))?;
        // A key of another curve or size would only ever say "bad signature", at night.
        let bytes = key.try_get_as_bytes().map_or(0, <[u8]>::len);
        let expected = match algorithm {
            Algorithm::ES256 => Some(1 + 2 * 32),
            Algorithm::ES384 => Some(1 + 2 * 48),
            Algorithm::EdDSA => Some(32),
            _ => None,
        };
        if expected.is_some_and(|expected| bytes != expected) {
            return Err(KeyError::Unfit(algorithm));
        }
        if algorithm.family() == AlgorithmFamily::Rsa && bytes < MIN_RSA_DER_BYTES {
            return Err(KeyError::SmallRsa);
        }
        Ok(Self { algorithm, key })
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether the signature, still in base64, is the key's for this message.
    pub(super) fn verify(&self, message: &str, signature: &str) -> bool {
        crypto::verify(signature, message.as_bytes(), &self.key, self.algorithm).unwrap_or(false)
    }
}

/// The key itself is never shown.
impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// Signs a token: with a secret for HS256, HS384 and HS512, else with a private key in PEM (PKCS #8).
pub(crate) fn sign(algorithm: Algorithm, key: &[u8], claims: &impl Serialize) -> Result<String, KeyError> {
    let cannot = |_| KeyError::CannotSign(algorithm);
    let key = match algorithm.family() {
        AlgorithmFamily::Hmac => EncodingKey::from_secret(secret(algorithm, key)?),
        AlgorithmFamily::Ec => EncodingKey::from_ec_pem(key).map_err(cannot)?,
        AlgorithmFamily::Ed => EncodingKey::from_ed_pem(key).map_err(cannot)?,
        AlgorithmFamily::Rsa => EncodingKey::from_rsa_pem(key).map_err(cannot)?,
    };
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key).map_err(cannot)
}

/// The key, if it can be an HMAC's.
fn secret(algorithm: Algorithm, key: &[u8]) -> Result<&[u8], KeyError> {
    if pem_label(key).is_some() {
        return Err(KeyError::PemForHmac(algorithm));
    }
    if key.len() < MIN_HMAC_BYTES {
        return Err(KeyError::Weak { bytes: key.len() });
    }
    Ok(key)
}

/// What a PEM file says that it holds.
fn pem_label(key: &[u8]) -> Option<&str> {
    let begin = b"-----BEGIN ";
    let at = memchr::memmem::find(key, begin)? + begin.len();
    let end = memchr::memmem::find(&key[at..], b"-----")?;
    std::str::from_utf8(&key[at..at + end]).ok()
}
