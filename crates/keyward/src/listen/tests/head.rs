//! The head checker on byte slices: every known trick, every split, and a second opinion.

use crate::listen::head::HeadScan;
use crate::listen::{Framing, Head, HeadLimits, Refusal, Verdict, check_head};
use proptest::prelude::*;

/// A head with these lines after a plain request line and `Host`.
pub(super) fn with(lines: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: h\r\n{lines}\r\n\r\n")
}

/// A head with this request line.
pub(super) fn line(line: &str) -> String {
    format!("{line}\r\nHost: h\r\n\r\n")
}

fn judge(head: &str) -> Verdict {
    check_head(head.as_bytes(), &HeadLimits::default())
}

fn accepted(head: &str) -> Framing {
    match judge(head) {
        Verdict::Accepted(Head { length, framing }) => {
            assert_eq!(length, head.len());
            framing
        }
        other => panic!("{head:?}: {other:?}"),
    }
}

/// What has been used, or could be, to make two readers see different requests.
pub(super) fn tricks() -> Vec<(String, Refusal)> {
    use Refusal::*;
    let mut tricks: Vec<(String, Refusal)> = [
        ("Content-Length: 5\r\nContent-Length: 5", ContentLengthRepeated),
        ("Content-Length: 5\r\nContent-Length: 6", ContentLengthRepeated),
        ("content-length: 0\r\nCONTENT-LENGTH: 0", ContentLengthRepeated),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", TwoFramings),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", TwoFramings),
        ("Content-Length: +2", ContentLength),
        ("Content-Length: -2", ContentLength),
        ("Content-Length: 2, 2", ContentLength),
        ("Content-Length: 2,2", ContentLength),
        ("Content-Length: 0x2", ContentLength),
        ("Content-Length: 02", ContentLength),
        ("Content-Length: 2 2", ContentLength),
        ("Content-Length: 2.0", ContentLength),
        ("Content-Length: \u{0662}", ContentLength),
        ("Content-Length:", ContentLength),
        ("Content-Length: 99999999999999999999999999", BodyTooLarge),
        ("Content-Length: 18446744073709551615", BodyTooLarge),
        ("Content-Length: 1073741825", BodyTooLarge),
        ("Transfer-Encoding: Chunked", TransferEncoding),
        ("Transfer-Encoding: xchunked", TransferEncoding),
        ("Transfer-Encoding: gzip", TransferEncoding),
        ("Transfer-Encoding: identity", TransferEncoding),
        ("Transfer-Encoding: gzip, chunked", TransferEncoding),
        ("Transfer-Encoding: chunked, chunked", TransferEncoding),
        ("Transfer-Encoding: chunked, identity", TransferEncoding),
        ("Transfer-Encoding: chunked;q=1", TransferEncoding),
        ("Transfer-Encoding: \"chunked\"", TransferEncoding),
        ("Transfer-Encoding:", TransferEncoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", TransferEncoding),
        ("Transfer-Encoding: chunked\r\ntransfer-encoding: x", TransferEncoding),
        ("Transfer-Encoding: \u{b}chunked", HeaderValue),
        ("Transfer-Encoding : chunked", HeaderName),
        ("Transfer-Encoding\t: chunked", HeaderName),
        ("Content-Length : 5", HeaderName),
        (" Content-Length: 5", FoldedHeader),
        ("X: a\r\n b", FoldedHeader),
        ("X: a\r\n\tTransfer-Encoding: chunked", FoldedHeader),
        ("X: a\0b", HeaderValue),
        ("X: a\rb", HeaderValue),
        ("X: a\r\r\nY: b", HeaderValue),
        ("X: a\u{7f}", HeaderValue),
        ("X: a\u{1b}[2J", HeaderValue),
        ("X: a\nY: b", BareLineFeed),
        ("X: a\n\r\nY: b", BareLineFeed),
        ("X", HeaderName),
        (": a", HeaderName),
        ("X Y: a", HeaderName),
        ("X\0: a", HeaderName),
        ("X(: a", HeaderName),
        ("\u{e9}: a", HeaderName),
        ("Host: h", HostRepeated),
        ("hOST: other", HostRepeated),
        ("Authorization: a\r\nAuthorization: b", AuthorizationRepeated),
        ("authorization: a\r\nAUTHORIZATION: a", AuthorizationRepeated),
    ]
    .into_iter()
    .map(|(lines, refusal)| (with(lines), refusal))
    .collect();
    tricks.extend(
        [
            ("get / HTTP/1.1", Method),
            ("Get / HTTP/1.1", Method),
            ("TRACE / HTTP/1.1", Method),
            ("CONNECT h:80 HTTP/1.1", Method),
            ("CONNECT / HTTP/1.1", Method),
            ("FOO / HTTP/1.1", Method),
            ("GETT / HTTP/1.1", Method),
            ("GET / HTTP/1.2", Version),
            ("GET / HTTP/2.0", Version),
            ("PRI * HTTP/2.0", Version),
            ("GET / HTTP/0.9", Version),
            ("GET / http/1.1", RequestLine),
            ("GET / HTTP/1.1 ", RequestLine),
            ("GET / HTTP/01.1", RequestLine),
            ("GET  / HTTP/1.1", RequestLine),
            ("GET /  HTTP/1.1", RequestLine),
            ("GET\t/ HTTP/1.1", RequestLine),
            ("GET / HTTP/1.1\r", RequestLine),
            ("GET /", RequestLine),
            ("GET", RequestLine),
            ("G", RequestLine),
            (" GET / HTTP/1.1", RequestLine),
            ("\u{16}\u{3}\u{1}", RequestLine),
            ("GET /#x HTTP/1.1", Target),
            ("GET /?a#b HTTP/1.1", Target),
            ("GET /\0 HTTP/1.1", Target),
            ("GET /a\tb HTTP/1.1", Target),
            ("GET /\u{7f} HTTP/1.1", Target),
            ("GET x HTTP/1.1", Target),
            ("GET h:80 HTTP/1.1", Target),
            ("GET * HTTP/1.1", Target),
            ("GET ?x HTTP/1.1", Target),
            ("GET ftp://h/ HTTP/1.1", Target),
            ("GET http:///x HTTP/1.1", Target),
            ("GET http://u@h/ HTTP/1.1", Target),
            ("GET http://other/ HTTP/1.1", HostContradicted),
            ("GET http://h:81/ HTTP/1.1", HostContradicted),
            ("GET http://h.evil/ HTTP/1.1", HostContradicted),
            ("GET http://h/../x HTTP/1.1", Path),
        ]
        .map(|(text, refusal)| (line(text), refusal)),
    );
    tricks.extend([
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(), TransferEncoding),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), HostMissing),
        ("GET / HTTP/1.1\r\nHosts: h\r\n\r\n".to_owned(), HostMissing),
        ("GET http://h/ HTTP/1.1\r\n\r\n".to_owned(), HostMissing),
        ("GET / HTTP/1.1\nHost: h\n\n".to_owned(), BareLineFeed),
        ("GET / HTTP/1.1\r\nHost: h\r\n\n".to_owned(), BareLineFeed),
        ("GET / HTTP/1.1\r\nHost: h\n\r\n".to_owned(), BareLineFeed),
        ("\nGET / HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(), BareLineFeed),
        ("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(), RequestLine),
        ("GET / HTTP/1.1\r\n Host: h\r\n\r\n".to_owned(), FoldedHeader),
    ]);
    tricks
}

#[test]
fn t14_every_trick_is_refused_for_its_own_reason() {
    for (head, refusal) in tricks() {
        assert_eq!(judge(&head), Verdict::Refused(refusal), "{head:?}");
    }
}

/// Odd, but one reading only, and honest clients send it.
#[test]
fn unusual_but_clear_heads_pass() {
    for (head, framing) in [
        (line("GET / HTTP/1.1"), Framing::Length(0)),
        (line("HEAD /a?b=c HTTP/1.1"), Framing::Length(0)),
        (line("OPTIONS * HTTP/1.1"), Framing::Length(0)),
        (line("PATCH //v1//x%2Fy/ HTTP/1.1"), Framing::Length(0)),
        (line("GET /?q=/../x\\y%00 HTTP/1.1"), Framing::Length(0)),
        (line("GET /a/.../b../..c/%2e%2e%2e HTTP/1.1"), Framing::Length(0)),
        (line("GET /%252e%252e/;x/..;/ HTTP/1.1"), Framing::Length(0)),
        (line("GET /caf\u{e9} HTTP/1.1"), Framing::Length(0)),
        (line("GET HTTP://H:80/x HTTP/1.1"), Framing::Length(0)),
        (line("GET http://h?x HTTP/1.1"), Framing::Length(0)),
        (with("Content-Length: 0"), Framing::Length(0)),
        (with("content-length:\t 12 \t"), Framing::Length(12)),
        (with("Content-Length: 1073741824"), Framing::Length(1 << 30)),
        (with("Transfer-Encoding: chunked"), Framing::Chunked),
        (with("TRANSFER-ENCODING:chunked \t"), Framing::Chunked),
        (with("Transfer-Encoding: chunked\r\nTrailer: Authorization"), Framing::Chunked),
        (with("Expect: 100-continue\r\nContent-Length: 3"), Framing::Length(3)),
        (with("X:\r\nY: \r\nZ: a\tb c\u{e9}\""), Framing::Length(0)),
        (with("Authorization:"), Framing::Length(0)),
        ("GET / HTTP/1.0\r\n\r\n".to_owned(), Framing::Length(0)),
        ("GET http://h/ HTTP/1.0\r\n\r\n".to_owned(), Framing::Length(0)),
        ("POST / HTTP/1.0\r\nContent-Length: 7\r\n\r\n".to_owned(), Framing::Length(7)),
        ("\r\nGET / HTTP/1.1\r\nHost:\r\n\r\n".to_owned(), Framing::Length(0)),
        // What one cloud's own client sends there.
        ("POST / HTTP/1.1\r\nHost: h:1/prefix\r\n\r\n".to_owned(), Framing::Length(0)),
        ("POST / HTTP/1.1\r\nHost: http://h:1/prefix\r\n\r\n".to_owned(), Framing::Length(0)),
    ] {
        assert_eq!(accepted(&head), framing, "{head:?}");
    }
}

#[test]
fn t72_sizes_are_refused_beyond_the_limit_and_not_at_it() {
    let limits = HeadLimits { headers: 3, header_bytes: 40, target_bytes: 10, content_length_bytes: 9 };
    let judge = |head: String| check_head(head.as_bytes(), &limits);
    let target = |bytes: usize| format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "x".repeat(bytes - 1));
    assert!(matches!(judge(target(10)), Verdict::Accepted(_)));
    for bytes in [11, 100] {
        assert_eq!(judge(target(bytes)), Verdict::Refused(Refusal::TargetTooLong));
    }
    // `Host: h` takes 9 bytes, `X: ` and its line end 5, the empty line 2.
    let headers =
        |bytes: usize| format!("GET / HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", "y".repeat(bytes - 16));
    assert!(matches!(judge(headers(40)), Verdict::Accepted(_)));
    for bytes in [41, 42, 43, 100] {
        assert_eq!(judge(headers(bytes)), Verdict::Refused(Refusal::HeadersTooLarge));
    }
    let count = |more: usize| format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "X: y\r\n".repeat(more));
    assert!(matches!(judge(count(2)), Verdict::Accepted(_)));
    assert_eq!(judge(count(3)), Verdict::Refused(Refusal::TooManyHeaders));
    assert!(matches!(judge(with("Content-Length: 9")), Verdict::Accepted(_)));
    assert_eq!(judge(with("Content-Length: 10")), Verdict::Refused(Refusal::BodyTooLarge));
}

/// A line that never ends must not be waited for.
#[test]
fn t72_an_endless_line_is_refused_before_its_end() {
    let limits = HeadLimits { header_bytes: 40, target_bytes: 10, ..HeadLimits::default() };
    for (start, refusal) in [
        ("GET /", Refusal::TargetTooLong),
        ("GET / HTTP/1.1\r\nHost: h\r\nX: ", Refusal::HeadersTooLarge),
        ("GET / HTTP/1.1\r\n", Refusal::HeadersTooLarge),
    ] {
        let endless = [start.as_bytes(), &[b'x'; 60]].concat();
        assert_eq!(check_head(&endless, &limits), Verdict::Refused(refusal), "{start:?}");
    }
}

#[test]
fn what_follows_a_head_is_not_looked_at() {
    let head = with("Content-Length: 3");
    let wire = format!("{head}\0\n\r garbage");
    let expected = Verdict::Accepted(Head { length: head.len(), framing: Framing::Length(3) });
    assert_eq!(judge(&wire), expected);
}

/// The verdict when the bytes arrive in pieces that end at `cuts`, and never more than `bytes`.
fn judge_in_pieces(bytes: &[u8], cuts: impl Iterator<Item = usize>, limits: &HeadLimits) -> Verdict {
    let mut scan = HeadScan::default();
    for end in cuts.filter(|&end| end < bytes.len()).chain([bytes.len()]) {
        let verdict = scan.check(&bytes[..end], limits);
        if verdict != Verdict::Incomplete {
            return verdict;
        }
    }
    Verdict::Incomplete
}

#[test]
fn every_trick_is_seen_byte_by_byte_too() {
    let limits = HeadLimits::default();
    for (head, refusal) in tricks() {
        let verdict = judge_in_pieces(head.as_bytes(), 0..head.len(), &limits);
        assert_eq!(verdict, Verdict::Refused(refusal), "{head:?}");
    }
}

/// Pieces that heads and attacks on them are made of.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "GET / HTTP/1.1\r\n",
        "POST /a/../b HTTP/1.1\r\n",
        "GET http://h/ HTTP/1.0\r\n",
        "\r\n",
        "\n",
        "\r",
        "Host: h\r\n",
        "Host: http://h/p\r\n",
        "Content-Length: 7\r\n",
        "Content-Length: 0\r\n",
        " ",
        ":",
        "Transfer-Encoding: chunked\r\n",
        "Authorization: x\r\n",
        "X-Long: ",
        "xxxxxxxxxxxxxxxxxxxx",
        "\t",
        "\0",
        "HTTP/1.1",
        "#",
        "%2e%2E/",
        "\\",
    ]);
    prop_oneof![
        6 => known.prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ]
}

fn wire() -> impl Strategy<Value = Vec<u8>> {
    let pieces = || prop::collection::vec(piece(), 0..14).prop_map(|pieces| pieces.concat());
    let honest = (any::<bool>(), pieces()).prop_map(|(post, rest)| {
        let start = if post { "POST / HTTP/1.1\r\nHost: h\r\n" } else { "GET /x HTTP/1.1\r\n" };
        [start.as_bytes(), &rest, b"\r\n\r\n"].concat()
    });
    prop_oneof![pieces(), honest]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// Reads end wherever the network likes; the verdict must not depend on it.
    #[test]
    fn the_verdict_does_not_depend_on_the_split(
        bytes in wire(),
        cuts in prop::collection::btree_set(0usize..400, 0..20),
        header_bytes in 20usize..200,
        target_bytes in 5usize..60,
        headers in 1usize..6,
    ) {
        let limits = HeadLimits { header_bytes, target_bytes, headers, content_length_bytes: 100 };
        let whole = check_head(&bytes, &limits);
        prop_assert_eq!(judge_in_pieces(&bytes, cuts.into_iter(), &limits), whole);
        prop_assert_eq!(judge_in_pieces(&bytes, 0..bytes.len(), &limits), whole);
    }

    /// The parser of the HTTP stack must find the end of an accepted head where the guard found it: were it
    /// to read on, the next head would become part of this one.
    #[test]
    fn the_stack_finds_the_same_end(bytes in wire()) {
        if let Verdict::Accepted(head) = check_head(&bytes, &HeadLimits::default()) {
            let mut room = [httparse::EMPTY_HEADER; 100];
            let parsed = httparse::Request::new(&mut room).parse(&bytes[..head.length]);
            // Raw non-UTF-8 targets are its to refuse.
            if parsed != Err(httparse::Error::Token) {
                prop_assert_eq!(parsed, Ok(httparse::Status::Complete(head.length)));
            }
        }
    }

    #[test]
    fn t76_no_bytes_make_the_checker_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let verdict = check_head(&bytes, &HeadLimits::default());
        if let Verdict::Accepted(head) = verdict {
            prop_assert!(head.length <= bytes.len());
        }
    }
}
