//! Why a claim could not be read or does not hold: one variant per way in which a peer can misbehave, so that a dialect
//! maps each to its own code with an exhaustive match and a test asserts the exact reason.

/// The reason for refusing a request's credentials. Its texts name parts of a request, never their values, and may be logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reject {
    /// A part that every signed request of the scheme carries is absent or empty.
    #[error("the request carries no {0}")]
    MissingCredential(&'static str),
    /// Two credentials of one kind, or of two kinds that exclude each other (threat T02).
    #[error("the request carries more than one {0}")]
    TwoCredentials(&'static str),
    /// The named part cannot be read.
    #[error("{0} cannot be read")]
    Malformed(&'static str),
    /// The algorithm word is not the one this scheme accepts (threat T15).
    #[error("the signature algorithm is not accepted")]
    AlgorithmNotAllowed,
    /// The signature has not the exact length and alphabet of its scheme (threat T16).
    #[error("the signature has not the exact form of its scheme")]
    BadSignatureForm,
    /// A header that must be signed is not.
    #[error("header `{0}` is not signed")]
    HeaderNotSigned(String),
    /// A header is named as signed, or needed for verification, and absent.
    #[error("header `{0}` is missing")]
    HeaderMissing(String),
    /// A header that may occur once occurs again.
    #[error("header `{0}` occurs more than once")]
    HeaderRepeated(String),
    /// The credential scope lies or is malformed (threat T17); the text names the faulty part.
    #[error("the {0} of the credential scope is not valid")]
    BadScope(&'static str),
    /// The signed time is not of the form that the scheme prescribes.
    #[error("the signed time cannot be read")]
    BadDate,
    /// The signed digest is not that of the body.
    #[error("the signed body digest is not that of the body")]
    PayloadMismatch,
    /// The body is left out of the signature where that is not accepted (threat T08).
    #[error("the body is not signed")]
    UnsignedPayload,
    /// The signature covers the body, and neither the body nor its digest is known here.
    #[error("body not visible")]
    BodyNotVisible,
    /// The signature is not that of this request under this secret.
    #[error("the signature differs")]
    SignatureDiffers,
    /// The secret at hand is empty: nothing verifies with it (threat T19).
    #[error("the secret is empty")]
    EmptySecret,
}
