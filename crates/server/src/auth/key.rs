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
        "it has {bytes} bytes, and an HMAC key under {MIN_HMAC_BYTES} can be guessed; make one with `headwater token --generate-key`"
    )]
    Weak { bytes: usize },
    #[error(
        "it is a PEM file, and {0:?} takes a secret: who has the public key could sign tokens with it; set the algorithm \
         that the key is for (RS256, PS256, ES256, EdDSA…)"
    )]
    PemForHmac(Algorithm),
    #[error(
        "it is not PEM, and {0:?} takes a public key in PEM (-----BEGIN PUBLIC KEY-----); or set HS256 for a secret"
    )]
    NotPem(Algorithm),
    #[error(
        "it is a private key, which the hub must not have; make the public one with `openssl pkey -pubout -in FILE`"
    )]
    Private,
    #[error("it is a certificate; take the public key out with `openssl x509 -pubkey -noout -in FILE`")]
    Certificate,
    #[error(
        "it is not a key for {0:?}; check the file, and that the algorithm is the one that the key was made for"
    )]
    Unfit(Algorithm),
    #[error("it has under 2048 bits, which can be broken; give a larger one, or one for ES256 or EdDSA")]
    SmallRsa,
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
    let unfit = |_| KeyError::Unfit(algorithm);
    let key = match algorithm.family() {
        AlgorithmFamily::Hmac => EncodingKey::from_secret(secret(algorithm, key)?),
        _ if pem_label(key).is_none() => return Err(KeyError::NotPem(algorithm)),
        AlgorithmFamily::Ec => EncodingKey::from_ec_pem(key).map_err(unfit)?,
        AlgorithmFamily::Ed => EncodingKey::from_ed_pem(key).map_err(unfit)?,
        AlgorithmFamily::Rsa => EncodingKey::from_rsa_pem(key).map_err(unfit)?,
    };
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key).map_err(unfit)
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
