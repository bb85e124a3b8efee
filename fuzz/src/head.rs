//! The checker of HTTP/1 heads, beside the parser and the server that read the same bytes behind it.

use keyward::listen::{Framing, Head, HeadLimits, Verdict, check_head};

use crate::stack::{self, Seen};

/// Bodies up to this size are sent along, to see where the stack finds their end.
const MAX_BODY_BYTES: u64 = 4096;
/// A request of its own, behind the one under test.
const NEXT: &[u8] = b"GET /next HTTP/1.1\r\nHost: next\r\n\r\n";

/// Heads: the verdict depends on the head alone, and whatever is accepted, the HTTP stack reads as the same request and
/// ends at the same byte (threat T14).
pub fn head(data: &[u8]) {
    check(data, &HeadLimits::default());
    check(data, &HeadLimits { headers: 3, header_bytes: 96, target_bytes: 24, content_length_bytes: 9 });
}

fn check(data: &[u8], limits: &HeadLimits) {
    let verdict = check_head(data, limits);
    match verdict {
        Verdict::Accepted(head) => check_accepted(data, head, limits),
        Verdict::Incomplete => {}
        Verdict::Refused(_) => {
            let longer = [data, b"\r\n\r\n"].concat();
            assert_eq!(check_head(&longer, limits), verdict, "more bytes change a refusal");
        }
    }
    // However little of it has arrived: nothing yet, or what is known in the end.
    for length in (0..data.len()).step_by(1 + data.len() / 64) {
        let early = check_head(data.get(..length).unwrap_or_default(), limits);
        assert!(early == Verdict::Incomplete || early == verdict, "{early:?} after {length} bytes");
    }
}

fn check_accepted(data: &[u8], head: Head, limits: &HeadLimits) {
    let (text, _) = data.split_at_checked(head.length).expect("the head is in the bytes");
    let verdict = Verdict::Accepted(head);
    assert_eq!(check_head(text, limits), verdict, "what follows the head was looked at");
    assert_eq!(check_head(&[text, b"\0\r\n\r\n"].concat(), limits), verdict, "what follows was looked at");
    let all_but_one = text.get(..text.len() - 1).unwrap_or_default();
    assert_eq!(check_head(all_but_one, limits), Verdict::Incomplete, "the head ends earlier");

    let slow = Slow::read(text);
    assert!(slow.headers.len() <= limits.headers && slow.target.len() <= limits.target_bytes);
    check_httparse(text, &slow);
    if !matches!(head.framing, Framing::Length(length) if length > MAX_BODY_BYTES) {
        check_hyper(text, head.framing, &slow);
    }
}

/// A head taken apart line by line, in the plainest way.
struct Slow<'a> {
    method: &'a [u8],
    target: &'a [u8],
    is_http_11: bool,
    headers: Vec<(&'a [u8], &'a [u8])>,
}

impl<'a> Slow<'a> {
    fn read(head: &'a [u8]) -> Self {
        let text = head.strip_prefix(b"\r\n").unwrap_or(head);
        let text = text.strip_suffix(b"\r\n\r\n").expect("an empty line ends the head");
        let mut lines =
            text.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let line = lines.next().unwrap_or_default();
        let words: Vec<_> = line.split(|&byte| byte == b' ').collect();
        let [method, target, version] = words.as_slice() else { panic!("no request line") };
        let headers = lines.map(|line| {
            let colon = line.iter().position(|&byte| byte == b':').expect("a header has a colon");
            let (name, value) = line.split_at_checked(colon).unwrap_or_default();
            (name, trim(value.get(1..).unwrap_or_default()))
        });
        Self { method, target, is_http_11: *version == b"HTTP/1.1", headers: headers.collect() }
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name.as_bytes()))
    }
}

/// Without the blanks that HTTP allows around a value.
fn trim(value: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().position(|byte| !is_blank(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !is_blank(byte)).map_or(start, |at| at + 1);
    value.get(start..end).unwrap_or_default()
}

fn check_httparse(text: &[u8], slow: &Slow<'_>) {
    let mut room = [httparse::EMPTY_HEADER; 100];
    let mut request = httparse::Request::new(&mut room);
    if std::str::from_utf8(slow.target).is_err() {
        // The stack answers 400 itself.
        return;
    }
    assert_eq!(request.parse(text), Ok(httparse::Status::Complete(text.len())), "httparse disagrees");
    assert_eq!(request.method.map(str::as_bytes), Some(slow.method));
    assert_eq!(request.path.map(str::as_bytes), Some(slow.target));
    assert_eq!(request.version, Some(u8::from(slow.is_http_11)));
    let headers = request.headers.iter().map(|header| (header.name.as_bytes(), header.value));
    assert!(headers.eq(slow.headers.iter().copied()), "httparse reads other headers");
}

/// Runs a real server on the head, a body of the length that the checker found, and one request more.
fn check_hyper(text: &[u8], framing: Framing, slow: &Slow<'_>) {
    let (body, wire_body) = match framing {
        Framing::Length(length) => {
            let body = vec![b'b'; usize::try_from(length).unwrap_or_default()];
            (body.clone(), body)
        }
        Framing::Chunked => (b"abc".to_vec(), b"3\r\nabc\r\n0\r\n\r\n".to_vec()),
    };
    let requests = stack::serve([text, &wire_body, NEXT].concat());
    let Some(seen) = requests.first() else {
        // Bytes that no URL has. The stack answers 400 itself.
        let target = std::str::from_utf8(slow.target).ok();
        let is_uri = target.is_some_and(|target| target.parse::<http::Uri>().is_ok());
        assert!(!is_uri, "hyper shows nothing to the service");
        return;
    };
    assert_eq!(seen.method.as_bytes(), slow.method);
    assert!(same_target(&seen.target, slow.target), "hyper reads the target {}", seen.target);
    assert!(same_headers(seen, slow), "hyper reads other headers: {:?}", seen.headers);
    assert_eq!(seen.body, body, "hyper reads another body");
    let keeps_open = slow.is_http_11 && !slow.has("connection") && !slow.has("upgrade");
    match requests.get(1) {
        Some(next) => assert_eq!((next.method.as_str(), next.target.as_str()), ("GET", "/next")),
        None => assert!(!keeps_open, "hyper does not find the next request"),
    }
    assert!(requests.len() <= 2, "a request out of nothing");
}

fn same_target(seen: &str, target: &[u8]) -> bool {
    if target.starts_with(b"/") || target == b"*" {
        return seen.as_bytes() == target;
    }
    // hyper writes the scheme in lower case and the path that a URL left out.
    let plain =
        |text: &[u8]| text.to_ascii_lowercase().into_iter().filter(|&byte| byte != b'/').collect::<Vec<_>>();
    plain(seen.as_bytes()) == plain(target)
}

fn same_headers(seen: &Seen, slow: &Slow<'_>) -> bool {
    let values = |name: &[u8]| {
        let named = slow.headers.iter().filter(|(given, _)| given.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.to_vec()).collect::<Vec<_>>()
    };
    seen.headers.len() == slow.headers.len()
        && seen.headers.iter().all(|(name, _)| {
            let shown: Vec<_> = seen
                .headers
                .iter()
                .filter(|(given, _)| given == name)
                .map(|(_, value)| value.clone())
                .collect();
            shown == values(name.as_bytes())
        })
}
