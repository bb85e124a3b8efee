//! Bodies that no reader agrees on and requests that make no sense: refused, and nothing panics.

use signing::params::Nulls;
use signing::{Params, scloud};

use crate::harness::scloud::{Key, Reply};
use crate::harness::{Request, Setup};

/// A body of JSON with the right signature, as far as it can be signed.
fn signed(key: &Key, members: &str) -> Vec<u8> {
    let body = format!("{{\"Action\":\"ListUsers\",\"PublicKey\":\"{}\"{members}}}", key.id);
    let Ok(params) = Params::from_json(body.as_bytes(), Nulls::Refuse, usize::MAX) else {
        return body.into_bytes();
    };
    let signature = scloud::sign(&params, key.secret.as_bytes());
    format!("{},\"Signature\":\"{signature}\"}}", &body[..body.len() - 1]).into_bytes()
}

fn hostile_json(key: &Key) -> Vec<(String, Vec<u8>)> {
    let good = signed(key, "");
    let mut table: Vec<(String, Vec<u8>)> = Vec::new();
    for (name, members) in [
        ("an array", ",\"Limit\":[1]"),
        ("an object", ",\"Limit\":{\"a\":1}"),
        ("null", ",\"Limit\":null"),
        ("an infinite number", ",\"Limit\":1e999"),
        ("an enormous exponent", ",\"Limit\":1e999999999"),
        ("an exponent beyond 64 bits", ",\"Limit\":1e99999999999999999999"),
        ("a tiny number", ",\"Limit\":1e-999999999"),
        ("minus zero", ",\"Limit\":-0"),
        ("minus zero with a fraction", ",\"Limit\":-0.0"),
        ("2^63", ",\"Offset\":9223372036854775808"),
        ("2^64", ",\"Offset\":18446744073709551616"),
        ("a fraction", ",\"Limit\":1.5"),
        ("a leading zero", ",\"Limit\":01"),
        ("a plus", ",\"Limit\":+1"),
        ("NaN", ",\"Limit\":NaN"),
        ("Infinity", ",\"Limit\":Infinity"),
        ("hexadecimal", ",\"Limit\":0x10"),
        ("twice the same name", ",\"Limit\":1,\"Limit\":1"),
        ("twice the same name, once escaped", ",\"Limit\":1,\"\\u004cimit\":2"),
        ("a name in other letters", ",\"Limit\":1,\"limit\":2"),
        ("a second action", ",\"Action\":\"DeleteUser\""),
        ("a lone surrogate", ",\"Region\":\"\\ud800\""),
        ("a lone low surrogate", ",\"Region\":\"\\udc00\""),
        ("surrogates in the wrong order", ",\"Region\":\"\\udc00\\ud800\""),
        ("a surrogate in a name", ",\"\\ud800\":\"\""),
        ("an unknown escape", ",\"Region\":\"\\x41\""),
        ("a short escape", ",\"Region\":\"\\u41\""),
        ("a raw control character", ",\"Region\":\"\u{1}\""),
        ("an escaped control character", ",\"Region\":\"\\u0000\""),
        ("single quotes", ",'Limit':1"),
        ("no quotes", ",Limit:1"),
        ("a comma too many", ",\"Limit\":1,"),
        ("a comment", ",\"Limit\":1 /* one */"),
        ("an empty name", ",\"\":1"),
    ] {
        table.push((name.to_owned(), signed(key, members)));
    }
    for depth in [33, 1_000, 30_000] {
        table.push((
            format!("{depth} arrays deep"),
            signed(key, &format!(",\"Limit\":{}{}", "[".repeat(depth), "]".repeat(depth))),
        ));
        table.push((
            format!("{depth} objects deep, unclosed"),
            signed(key, &format!(",\"Limit\":{}", "{\"a\":".repeat(depth / 5))),
        ));
    }
    let wide = |count: usize, member: fn(usize) -> String| (0..count).map(member).collect::<String>();
    table.push(("4,000 names".to_owned(), signed(key, &wide(4_000, |n| format!(",\"n{n}\":1")))));
    table.push((
        "20,000 items".to_owned(),
        signed(key, &format!(",\"Limit\":[1{}]", wide(20_000, |_| ",1".to_owned()))),
    ));
    table.push(("60,000 digits".to_owned(), signed(key, &format!(",\"Limit\":{}", "9".repeat(60_000)))));
    for (name, body) in [
        ("a byte order mark", [&b"\xef\xbb\xbf"[..], &good].concat()),
        (
            "UTF-16",
            String::from_utf8(good.clone()).unwrap().encode_utf16().flat_map(u16::to_le_bytes).collect(),
        ),
        ("trailing bytes", [&good[..], b"x"].concat()),
        ("a second object", [&good[..], &good].concat()),
        ("NUL at the end", [&good[..], b"\0"].concat()),
        (
            "bytes that are not UTF-8",
            signed(key, ",\"Region\":\"?\"")
                .into_iter()
                .map(|byte| if byte == b'?' { 0xff } else { byte })
                .collect(),
        ),
        ("no end", good[..good.len() - 1].to_vec()),
        ("an array of requests", [&b"["[..], &good, b"]"].concat()),
        ("a text", b"\"PublicKey\"".to_vec()),
        ("a number", b"1".to_vec()),
        ("null alone", b"null".to_vec()),
        ("blanks", b"   ".to_vec()),
        ("braces", b"{{{{{{{{".to_vec()),
    ] {
        table.push((name.to_owned(), body));
    }
    table
}

#[test]
fn t74_json_that_no_reader_agrees_on_is_refused() {
    let server = Setup::new().settings("rate_limit.enabled = false").start();
    let key = server.administrator();
    let table = hostile_json(key);
    let mut connection = server.connect();
    Reply::of(connection.exchange(&Request::json("/scloud", signed(key, ",\"Limit\":1,\"Offset\":0"))))
        .done();
    let mut round = || {
        for (name, body) in &table {
            let reply = Reply::of(connection.exchange(&Request::json("/scloud", body)));
            assert_eq!((reply.answer.status, reply.code()), (200, 230), "{name}: {}", reply.json);
        }
    };
    (0..5).for_each(|_| round());
    let before = server.resident_kib();
    (0..5).for_each(|_| round());
    let grown = server.resident_kib().saturating_sub(before);
    assert!(grown < 4 << 10, "{grown} KiB");
    server.stop();
}

/// Xorshift: the same requests in every run.
struct Noise(u64);

impl Noise {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }

    /// A byte that means something to some parser more often than not.
    fn byte(&mut self) -> u8 {
        const TELLING: &[u8] = b"\r\n\0\t :;,=&%+?#/\\.\"'{}[]()<>-0129AZaz\x7f\x80\xc0\xed\xff";
        TELLING[self.below(TELLING.len())]
    }

    fn spoil(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..1 + self.below(4) {
            let at = self.below(bytes.len());
            match self.below(5) {
                0 => bytes[at] = self.byte(),
                1 => bytes.insert(at, self.byte()),
                2 => drop(bytes.remove(at)),
                3 => bytes.truncate(at + 1),
                _ => {
                    let until = (at + self.below(40)).min(bytes.len());
                    let again = bytes[at..until].to_vec();
                    bytes.splice(at..at, again);
                }
            }
        }
    }
}

#[test]
fn t76_spoilt_requests_make_nothing_panic() {
    let server = Setup::new().settings("rate_limit.enabled = false\nlog.level = \"error\"").start();
    let bob = server.create_member("bob");
    let form = |action, pairs: &[(&str, &str)]| bob.form(action, pairs);
    let seeds = [
        Request::form("/", &form("GetUser", &[("UserName", "bob")])),
        Request::form(
            "/scloud/?Action=GetUser",
            &form("GetUser", &[("UserName", "b\u{f6}b+ &="), ("Region", "cn-bj2")]),
        ),
        Request::get(&format!("/?{}", form("ListUsers", &[("Limit", "10"), ("Offset", "0")]))),
        Request::json("/", bob.json("GetUser", &[("UserName", "b\u{1f600}b"), ("ProjectId", "org-1")])),
        Request::json(
            "/scloud",
            "{\"Action\":\"ListUsers\",\"Limit\":1.50e1,\"a\":[1,{\"b\":[true,null,\"\\ud83d\\ude00\"]}],\"PublicKey\":\"x\",\"Signature\":\"y\"}",
        ),
        Request::form("http://h/scloud", "Action=GetRegion")
            .host("h")
            .header("X-Forwarded-For", "::1, 1.2.3.4")
            .header("Authorization", "TC3-HMAC-SHA256 Credential=a/b/c/d, SignedHeaders=a, Signature=f"),
    ];
    let mut noise = Noise(0x6b65_7977_6172_6421);
    for round in 0..2_000 {
        let mut wire = seeds[round % seeds.len()].wire();
        noise.spoil(&mut wire);
        let mut connection = server.connect();
        connection.send_while_open(&wire);
        connection.end_of_requests();
        let answers = connection.answers_to_the_end();
        assert!(answers.iter().all(|answer| answer.status != 500), "{}", String::from_utf8_lossy(&wire));
    }
    assert_eq!(server.metric("keyward_requests_total", "outcome=\"failed\""), 0);
    Reply::of(server.ask(&seeds[0])).done();
    server.stop();
}
