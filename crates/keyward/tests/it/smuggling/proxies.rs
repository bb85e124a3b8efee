//! The same heads through the real proxies: proxy and server must agree on how many requests there are.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use super::{BAD_CHUNKS, REFUSED, hidden};
use crate::gate::nginx::nginx;
use crate::harness::http::PATIENCE;
use crate::harness::programs::Program;
use crate::harness::{Server, Setup};

/// Each probe, sent at once on connections of their own; the answers to all of them. The proxies close an idle connection after
/// a second.
fn answers(proxy: SocketAddr, probes: &[Vec<u8>]) -> Vec<String> {
    let ask = |probe: &Vec<u8>| {
        let mut stream = TcpStream::connect(proxy).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // A proxy that has heard enough may close before it has all.
        let _ = stream.write_all(probe);
        let mut answers = Vec::new();
        let _ = stream.read_to_end(&mut answers);
        String::from_utf8_lossy(&answers).into_owned()
    };
    std::thread::scope(|scope| {
        let asking: Vec<_> = probes.iter().map(|probe| scope.spawn(move || ask(probe))).collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    })
}

/// What the server has seen: requests that it answered, and heads that it refused.
fn seen(server: &Server) -> u64 {
    server.metric("keyward_requests_total", "") + server.metric("keyward_refused_heads_total", "")
}

fn probes(server: &Server) -> Vec<Vec<u8>> {
    let hidden = hidden(server);
    let heads = REFUSED.iter().map(|(_, wire, _)| {
        let (head, tail) = wire.split_once("{}").unwrap();
        [head.as_bytes(), &hidden, tail.as_bytes()].concat()
    });
    let chunks = BAD_CHUNKS.iter().map(|chunks| {
        let head = b"POST /scloud HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
        [head, chunks.as_bytes(), &hidden].concat()
    });
    heads.chain(chunks).collect()
}

/// Proxy and server agree about every probe: the proxy has passed on as many requests as the server has seen, and no client got
/// more answers than there are requests in his probe.
fn assert_agreement(server: &Server, proxy: &Program, passed_on: impl Fn() -> u64) {
    let (before, probes) = (seen(server), probes(server));
    for (probe, answers) in probes.iter().zip(answers(proxy.address, &probes)) {
        let answered = answers.matches("HTTP/1.1 ").count();
        assert!(answered <= 2, "{:?}: {answers}", String::from_utf8_lossy(probe));
    }
    let passed_on = passed_on();
    assert!(passed_on >= 10, "the proxy refused nearly everything itself: {passed_on}");
    assert_eq!(seen(server) - before, passed_on);
    server.assert_no_panic();
}

fn behind_a_proxy() -> Server {
    Setup::new().settings("trusted_proxies = [\"127.0.0.1\"]\nrate_limit.enabled = false").start()
}

#[test]
fn t14_nginx_and_the_server_count_the_same_requests() {
    let server = behind_a_proxy();
    let log = server.setup.beside("passed-on.log");
    let proxy = nginx(&server, |port| {
        format!(
            "log_format passed '$upstream_addr';\n\
             upstream keyward {{ server {}; keepalive 4; }}\n\
             server {{\n listen 127.0.0.1:{port};\n access_log {} passed;\n\
             client_header_timeout 1s; client_body_timeout 1s; keepalive_timeout 1s; proxy_next_upstream off;\n\
             location / {{ proxy_pass http://keyward; proxy_http_version 1.1; proxy_set_header Connection \"\";\n\
             proxy_set_header Host $http_host; proxy_request_buffering off; }}\n}}\n",
            server.public,
            log.display(),
        )
    });
    let upstream = server.public.to_string();
    assert_agreement(&server, &proxy, || {
        let log = std::fs::read_to_string(&log).unwrap();
        log.matches(&upstream).count().try_into().unwrap()
    });
}

#[test]
fn t14_haproxy_and_the_server_count_the_same_requests() {
    let server = behind_a_proxy();
    let home = server.setup.beside("haproxy");
    std::fs::create_dir(&home).unwrap();
    let log = home.join("log");
    let proxy = Program::start(&log, |port| {
        let settings = format!(
            "global\n log stdout format raw local0\n\
             defaults\n mode http\n log global\n log-format \"passed:%b/%s %ST\"\n option http-keep-alive\n retries 0\n\
             timeout connect 5s\n timeout server 30s\n timeout client 1s\n timeout http-request 1s\n timeout http-keep-alive 1s\n\
             frontend web\n bind 127.0.0.1:{port}\n default_backend keyward\n\
             backend keyward\n server one {}\n",
            server.public,
        );
        let file = home.join("haproxy.cfg");
        std::fs::write(&file, settings).unwrap();
        let mut command = Command::new("/usr/sbin/haproxy");
        command.arg("-f").arg(&file).arg("-db");
        command
    });
    assert_agreement(&server, &proxy, || {
        let log = std::fs::read_to_string(&log).unwrap();
        log.matches("passed:keyward/one ").count().try_into().unwrap()
    });
}
