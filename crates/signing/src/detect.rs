//! Which scheme a request is signed with: looking at where the parts are, not at whether they are right.

use crate::{Params, RequestView, Scheme, aws4};

/// The scheme of a request, or `None` when it carries no credential of any.
///
/// `params` are the parameters of query or form body, where the caller has read them: two schemes keep their parts there.
/// Headers win over parameters, so that a body cannot change what a signed head means. Within a family of algorithm words
/// (`TC3-…`) the scheme is that of the family; `parse` then refuses all words but one.
pub fn detect(request: &RequestView<'_>, params: Option<&Params>) -> Option<Scheme> {
    if let Some(authorization) = request.header("authorization") {
        let families: [(&[u8], Scheme); 3] =
            [(b"TC3-", Scheme::Tc3), (b"SDK-", Scheme::SdkHmacSha256), (b"AWS4-", Scheme::Aws4)];
        if let Some((_, scheme)) = families.iter().find(|(prefix, _)| authorization.starts_with(prefix)) {
            return Some(*scheme);
        }
    }
    if request.header("scp-signature").or(request.header("scp-accesskey")).is_some() {
        return Some(Scheme::Scp);
    }
    if aws4::is_presigned(request) {
        return Some(Scheme::Aws4);
    }
    let has = |name| params.is_some_and(|params| params.get(name).is_some());
    match (has("SecretId"), has("PublicKey")) {
        (true, _) => Some(Scheme::TencentV1),
        (false, true) => Some(Scheme::Scloud),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::MAX_PARAMS;
    use crate::{Body, UrlScheme, request::Header};

    fn of(target: &str, headers: &[Header<'_>], params: &str) -> Option<Scheme> {
        let request = RequestView::new("GET", target, headers, Body::NotVisible, UrlScheme::Http);
        detect(&request, Some(&Params::from_form(params.as_bytes(), MAX_PARAMS).unwrap()))
    }

    #[test]
    fn each_scheme_is_found_where_it_keeps_its_parts() {
        let authorization = |value: &'static [u8]| -> [Header<'_>; 1] { [("Authorization", value)] };
        assert_eq!(of("/", &authorization(b"TC3-HMAC-SHA256 x"), ""), Some(Scheme::Tc3));
        assert_eq!(of("/", &authorization(b"SDK-HMAC-SM3 x"), ""), Some(Scheme::SdkHmacSha256));
        assert_eq!(of("/", &authorization(b"AWS4-HMAC-SHA256 x"), "SecretId=a"), Some(Scheme::Aws4));
        assert_eq!(of("/", &[("scp-AccessKey", b"x")], ""), Some(Scheme::Scp));
        assert_eq!(of("/?a=b&X-Amz-Algorithm=x", &[], ""), Some(Scheme::Aws4));
        assert_eq!(of("/", &[], "SecretId=a&PublicKey=b"), Some(Scheme::TencentV1));
        assert_eq!(of("/", &authorization(b"Bearer x"), "PublicKey=b"), Some(Scheme::Scloud));
        assert_eq!(of("/", &authorization(b"Basic x"), "publickey=b"), None);
        assert_eq!(of("/", &[], "Action=b"), None);
    }
}
