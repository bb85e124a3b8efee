//! What comes with the program: no credential, no debugging door, and switches that are what they say.

use crate::harness::scloud::Key;
use crate::harness::{Request, Server, Setup};

/// Pairs that other products came with, or that documents show and people leave as they are.
const KNOWN_PAIRS: [(&str, &str); 22] = [
    ("minioadmin", "minioadmin"),
    ("minio", "minio123"),
    ("rustfsadmin", "rustfsadmin"),
    ("admin", "admin"),
    ("admin", "password"),
    ("admin", "changeme"),
    ("admin", "admin123"),
    ("admin", "keyward"),
    ("administrator", "administrator"),
    ("root", "root"),
    ("root", "password"),
    ("test", "test"),
    ("access", "secret"),
    ("accesskey", "secretkey"),
    ("keyward", "keyward"),
    ("keystone", "keystone"),
    ("default", "default"),
    ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ("ucloudsomeone@example.com1296235120854146120", "46f09bb9fab4f12dfc160dae12273d5332b5debe"),
    ("someone@example.com1296235120854146120", "46f09bb9fab4f12dfc160dae12273d5332b5debe"),
    ("AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"),
    ("", ""),
];

#[test]
fn t97_a_fresh_server_knows_no_pair_that_anybody_else_knows() {
    let server = Setup::new().administrator(None).settings("rate_limit.enabled = false").start();
    for (id, secret) in KNOWN_PAIRS {
        let key = Key::new(id, secret);
        for action in ["ListUsers", "CreateAccessKey"] {
            assert_eq!(server.call(&key, action, &[("UserName", "admin")]).code(), 172, "{id}");
        }
    }
    server.stop();
    let program = std::fs::read(env!("CARGO_BIN_EXE_keyward")).unwrap();
    let holds = |text: &str| memchr::memmem::find(&program, text.as_bytes()).is_some();
    assert!(holds("KEYWARD_BOOTSTRAP_SECRET_ACCESS_KEY"), "texts of the program can be found");
    // Words that stand in it for other reasons are no credential.
    let telling = KNOWN_PAIRS
        .iter()
        .flat_map(|(id, secret)| [id, secret])
        .filter(|text| text.len() >= 10 && !["administrator"].contains(text));
    for text in telling {
        assert!(!holds(text), "{text} is in the program");
    }
}

#[test]
fn t97_no_door_for_debugging_is_open() {
    let server = Server::start();
    for path in [
        "/debug",
        "/debug/vars",
        "/debug/pprof/",
        "/debug/pprof/heap",
        "/actuator",
        "/actuator/env",
        "/env",
        "/info",
        "/status",
        "/stats",
        "/config",
        "/server-status",
        "/profile",
        "/rustfs/console/",
        "/minio/admin/v3/info",
        "/minio/health/cluster",
        "/.env",
        "/.git/config",
        "/trace",
        "/dump",
        "/admin",
        "/console",
        "/api",
        "/swagger.json",
        "/openapi.json",
        "/graphql",
        "/metrics/",
        "/healthz/x",
    ] {
        assert_eq!(server.ask(&Request::get(path)).status, 404, "{path}");
        assert_eq!(server.ask_admin(path).status, 404, "{path}");
    }
    // What is open tells nothing of the environment and of arguments.
    let metrics = server.metrics();
    for word in ["KEYWARD_", "data-dir", server.setup.data().to_str().unwrap(), &server.administrator().id] {
        assert!(!metrics.contains(word), "{word}");
    }
    server.stop();
}

/// Every switch there is, in the words of the settings file.
const SWITCHES: [&str; 5] = [
    "allow_plain_http",
    "rate_limit.enabled",
    "dialect.scloud.enabled",
    "dialect.scloud.strict_replay",
    "dialect.scloud.post_only",
];

#[test]
fn t100_a_switch_is_true_or_false_and_nothing_else() {
    let in_file = ["\"false\"", "\"true\"", "\"no\"", "0", "1", "\"\"", "[]", "[false]", "\"off\""];
    let in_environment =
        ["False", "TRUE", "0", "1", "no", "yes", "off", "", " true", "true ", "\"true\"", "nil"];
    for (number, switch) in SWITCHES.into_iter().enumerate() {
        // All of them for the first switch, a few for each of the others.
        let share = |step: usize| move |(n, _): &(usize, &str)| number == 0 || n % step == number % step;
        for (_, value) in in_file.into_iter().enumerate().filter(share(4)) {
            let setup = Setup::new().settings(&format!("{switch} = {value}"));
            let sentence = setup.refusal();
            assert!(sentence.contains(switch.rsplit('.').next().unwrap()), "{switch} = {value}: {sentence}");
            assert!(!setup.data().exists(), "{switch} = {value}");
        }
        let variable = format!("KEYWARD_{}", switch.to_uppercase().replace('.', "__"));
        for (_, value) in in_environment.into_iter().enumerate().filter(share(5)) {
            let setup = Setup::new().environment(&variable, value);
            let sentence = setup.refusal();
            let name = switch.rsplit('.').next().unwrap();
            assert!(
                sentence.contains(&variable) || sentence.contains(&format!("`{name}`")),
                "{variable}={value}: {sentence}"
            );
        }
    }
    // In its one spelling each of them is taken, from either place.
    for value in ["true", "false"] {
        let in_file = SWITCHES
            .iter()
            .fold(Setup::new(), |setup, switch| setup.settings(&format!("{switch} = {value}")));
        in_file.start().stop();
        let in_environment = SWITCHES.iter().fold(Setup::new(), |setup, switch| {
            setup.environment(&format!("KEYWARD_{}", switch.to_uppercase().replace('.', "__")), value)
        });
        in_environment.start().stop();
    }
}
