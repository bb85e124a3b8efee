//! Settings as an operator meets them: text and environment in, settings or a sentence out.

use super::*;

const DIALECTS: &[&str] = &["samsung", "scloud"];

fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let file = ConfigFile { name: "keyward.toml".to_owned(), text: text.to_owned() };
    let environment = environment.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    Config::load(Some(&file), environment, &Flags::default(), DIALECTS)
}

fn refusal(text: &str, environment: &[(&str, &str)]) -> String {
    load(text, environment).unwrap_err().to_string()
}

#[test]
fn the_commented_default_file_equals_the_defaults() {
    assert_eq!(load(DEFAULT_TOML, &[]).unwrap(), Config::default());
    assert_eq!(load("", &[]).unwrap(), Config::default());
}

/// The default file with its optional settings switched on: `#key = …` becomes `key = …`.
fn default_file_with_options() -> String {
    let is_setting = |line: &str| {
        line.strip_prefix('#')
            .is_some_and(|rest| rest.starts_with('[') || rest.starts_with(|c: char| c.is_ascii_lowercase()))
    };
    DEFAULT_TOML
        .lines()
        .map(|line| if is_setting(line) { &line[1..] } else { line })
        .fold(String::new(), |text, line| text + line + "\n")
}

/// The keys that exist in a section, as the structs themselves tell when given one that does not.
fn known_keys(section: &str) -> Option<&'static [&'static str]> {
    let text = if section.is_empty() {
        "no-such-key = 1".to_owned()
    } else {
        format!("[{section}]\nno-such-key = 1")
    };
    match load(&text, &[]) {
        Err(ConfigError::UnknownKey { key, known, .. }) if key.ends_with("no-such-key") => Some(known),
        _ => None,
    }
}

#[test]
fn the_default_file_documents_every_key() {
    let file = default_file_with_options();
    let parsed: toml::Table = file.parse().unwrap();
    let lines: Vec<&str> = file.lines().collect();
    let mut checked = 0;
    for key in known_keys("").unwrap() {
        let below = known_keys(key).map_or_else(
            || if *key == "dialect" { vec!["scloud.enabled", "scloud.hosts"] } else { Vec::new() },
            <[_]>::to_vec,
        );
        for name in below.iter().map(|name| format!("{key}.{name}")).chain([(*key).to_owned()]) {
            let value = name.split('.').try_fold(&parsed, |table, part| match table.get(part) {
                Some(toml::Value::Table(table)) => Ok(table),
                found => Err(found.is_some()),
            });
            assert!(!matches!(value, Err(false)), "{name} is not in default.toml");
            let last = name.rsplit('.').next().unwrap();
            let is_it =
                |line: &str| line.starts_with(&format!("{last} = ")) || line.starts_with(&format!("[{name}"));
            let documented = lines.windows(2).any(|pair| is_it(pair[1]) && pair[0].starts_with("# "));
            assert!(documented, "{name} has no comment above it in default.toml");
            checked += 1;
        }
    }
    assert!(checked > 45, "only {checked} keys were found");
}

#[test]
fn the_optional_settings_of_the_default_file_can_be_switched_on() {
    let text = default_file_with_options().replace("env = \"KEYWARD_MASTER_KEY\"", "");
    let tls = Tls { cert: "/etc/keyward/tls.crt".into(), key: "/etc/keyward/tls.key".into() };
    if cfg!(feature = "tls") {
        assert_eq!(load(&text, &[]).unwrap().tls, Some(tls));
    } else {
        assert!(refusal(&text, &[]).contains("this build has no TLS"));
    }
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let text = "data_dir = \"/file\"\nlisten = \"127.0.0.1:1\"\n[limits]\nheaders = 50\nbody_bytes = 2048\n";
    let environment = [
        ("KEYWARD_LISTEN", "127.0.0.1:2"),
        ("KEYWARD_DATA_DIR", "/environment"),
        ("KEYWARD_LIMITS__BODY_BYTES", "4096"),
        ("PATH", "/bin"),
        ("KEYWARDEN", "x"),
    ];
    let file = ConfigFile { name: "k".to_owned(), text: text.to_owned() };
    let flags = Flags { listen: Some("127.0.0.1:3".parse().unwrap()), ..Flags::default() };
    let environment = environment.map(|(name, value)| (name.into(), value.into()));
    let config = Config::load(Some(&file), environment, &flags, DIALECTS).unwrap();
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.data_dir, PathBuf::from("/environment"));
    assert_eq!((config.limits.headers, config.limits.body_bytes), (50, 4096));
    assert_eq!(config.limits.target_bytes, 32_768);
}

#[test]
fn the_environment_can_set_every_kind_of_value() {
    let config = load(
        "",
        &[
            ("KEYWARD_TRUSTED_PROXIES", "10.0.0.0/8, fd00::/8"),
            ("KEYWARD_PUBLIC_URL", "https://a.example,https://b.example"),
            ("KEYWARD_LOG__FORMAT", "text"),
            ("KEYWARD_LIMITS__IDLE_SECONDS", "90"),
            ("KEYWARD_RATE_LIMIT__ENABLED", "false"),
            ("KEYWARD_MASTER_KEY__FILE", "/run/key"),
            ("KEYWARD_DIALECT__SCLOUD__ENABLED", "false"),
            ("KEYWARD_DIALECT__SCLOUD__HOSTS", "iam.example.org"),
            ("KEYWARD_DIALECT__SCLOUD__REVEAL_SECRET", "owner"),
            ("KEYWARD_DIALECT__SCLOUD__TOLERANCE_SECONDS", "900"),
        ],
    )
    .unwrap();
    assert_eq!(config.trusted_proxies.len(), 2);
    assert_eq!(
        config.public_url.iter().map(PublicUrl::authority).collect::<Vec<_>>(),
        ["a.example", "b.example"]
    );
    assert_eq!(config.log.format, LogFormat::Text);
    assert_eq!(config.limits.idle_seconds, Seconds(90));
    assert!(!config.rate_limit.enabled);
    assert_eq!(config.master_key_source(), MasterKeySource::File("/run/key".into()));
    let scloud = &config.dialect["scloud"];
    assert!(!scloud.enabled);
    assert_eq!(scloud.hosts, ["iam.example.org"]);
    assert_eq!(scloud.own["reveal_secret"].as_str(), Some("owner"));
    assert_eq!(scloud.own["tolerance_seconds"].as_integer(), Some(900));
}

#[test]
fn one_url_or_a_list_of_them() {
    let urls = |text: &str| load(text, &[]).unwrap().public_url.len();
    assert_eq!(urls("public_url = \"https://a.example\""), 1);
    assert_eq!(urls("public_url = [\"https://a.example\", \"http://b.example\"]"), 2);
    assert!(refusal("public_url = 5", &[]).contains("`public_url` must be a URL or a list of URLs"));
}

#[test]
fn an_unknown_key_is_named_with_its_place_and_the_nearest_known_one() {
    let cases = [
        ("\nlisen = \"x\"", "keyward.toml line 2: there is no setting `lisen`; did you mean `listen`?"),
        (
            "[limits]\n\nbody_byte = 1",
            "keyward.toml line 3: there is no setting `limits.body_byte`; did you mean `limits.body_bytes`?",
        ),
        (
            "[tls]\ncertt = \"x\"",
            "keyward.toml line 2: there is no setting `tls.certt`; did you mean `tls.cert`?",
        ),
        (
            "\n[dialect.scoud]\n",
            "keyward.toml line 2: there is no setting `dialect.scoud`; did you mean `dialect.scloud`?",
        ),
        (
            "limits.zzzz = 1",
            "keyward.toml line 1: there is no setting `limits.zzzz`; `keyward config default` lists all settings",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refusal(text, &[]), expected);
    }
}

#[test]
fn an_unknown_variable_is_refused_and_a_reserved_one_is_not_read() {
    assert_eq!(
        refusal("", &[("KEYWARD_LIMITS__BODY_BYTE", "1")]),
        "the environment variable KEYWARD_LIMITS__BODY_BYTE: there is no setting `limits.body_byte`; did you mean \
         `KEYWARD_LIMITS__BODY_BYTES`?"
    );
    for name in [
        "KEYWARD_",
        "KEYWARD_listen",
        "KEYWARD__LISTEN",
        "KEYWARD_LIMITS_BODY_BYTES",
        "KEYWARD_TLS",
        "KEYWARD_X__Y__Z",
    ] {
        assert!(load("", &[(name, "1")]).is_err(), "{name}");
    }
    let reserved = [
        "KEYWARD_BOOTSTRAP_ACCESS_KEY_ID",
        "KEYWARD_BOOTSTRAP_PASSWORD_FILE",
        "KEYWARD_ENDPOINT",
        "KEYWARD_ACCESS_KEY_ID",
        "KEYWARD_SECRET_ACCESS_KEY",
        "KEYWARD_SECRET_KEY",
    ];
    assert_eq!(load("", &reserved.map(|name| (name, "x"))).unwrap(), Config::default());
}

#[test]
fn the_variable_that_holds_the_master_key_is_not_a_setting() {
    let key = ("KEYWARD_MASTER_KEY", "c2VjcmV0");
    assert!(!refusal("", &[key]).contains("c2VjcmV0"));
    let expected = MasterKeySource::Variable("KEYWARD_MASTER_KEY".to_owned());
    let from_file = load("[master_key]\nenv = \"KEYWARD_MASTER_KEY\"", &[key]).unwrap();
    assert_eq!(from_file.master_key_source(), expected);
    let from_environment = load("", &[key, ("KEYWARD_MASTER_KEY__ENV", "KEYWARD_MASTER_KEY")]).unwrap();
    assert_eq!(from_environment.master_key_source(), expected);
    assert_eq!(
        Config::default().master_key_source(),
        MasterKeySource::DataDir("./keyward-data/master.key".into())
    );
}

#[test]
fn a_value_of_the_wrong_kind_is_refused_without_repeating_it() {
    let cases = [
        ("listen = \"hunter2\"", "must be an IP address and a port"),
        ("data_dir = 7", "must be a text in quotes"),
        ("trusted_proxies = \"10.0.0.0/8\"", "must be a list in brackets"),
        ("trusted_proxies = [\"hunter2\"]", "must hold networks such as"),
        ("tls = \"hunter2\"", "is a section"),
        ("limits = 1", "is a section"),
        ("[tls]\ncert = \"hunter2\"", "needs `key` as well"),
        ("[log]\nlevel = \"hunter2\"", "must be one of \"error\", \"warn\", \"info\", \"debug\", \"trace\""),
        ("[limits]\nheaders = -1", "must be a whole number, 0 or more"),
        ("[limits]\nheaders = 1.5", "must be a whole number, 0 or more"),
        ("[limits]\nhttp2_streams = 4294967296", "is too large a number"),
        ("[limits]\nheaders = 1", "limits.headers is 1; choose a value from 16 to 1000"),
        ("[limits]\nidle_seconds = 0", "limits.idle_seconds is 0; choose a value from 1 to 3600"),
        ("store = \"mysql://root:hunter2@db/x\"", "must be \"sqlite\""),
        ("listen = 1\nlisten = 2", "line 2: this is not valid TOML"),
        ("[limits\n", "this is not valid TOML"),
    ];
    for (text, expected) in cases {
        let message = refusal(text, &[]);
        assert!(message.contains(expected), "{text}: {message}");
        assert!(!message.contains("hunter2"), "{text}: {message}");
    }
    for value in ["", "+5", " 5", "5.0", "0x10", "1_000", "99999999999999999999"] {
        assert!(load("", &[("KEYWARD_LIMITS__PARAMETERS", value)]).is_err(), "{value:?}");
    }
}

#[test]
fn a_postgres_url_is_refused_with_a_plain_sentence_that_hides_it() {
    for url in ["postgres://keyward:hunter2@db/keyward", "postgresql://keyward:hunter2@db/keyward"] {
        let message = refusal("", &[("KEYWARD_STORE", url)]);
        assert_eq!(
            message,
            "the environment variable KEYWARD_STORE: `store` names a PostgreSQL database, but this build supports \
             only SQLite; set it to \"sqlite\""
        );
    }
}

#[test]
fn t100_a_boolean_is_true_or_false_and_nothing_else() {
    let keys = ["allow_plain_http", "rate_limit.enabled", "dialect.scloud.enabled"];
    for key in keys {
        for value in ["\"true\"", "\"false\"", "\"\"", "0", "1", "1.0", "[]", "{}", "[true]"] {
            let message = refusal(&format!("{key} = {value}"), &[]);
            assert!(
                message.contains(&format!("`{key}` must be true or false")),
                "{key} = {value}: {message}"
            );
        }
        for value in ["True", "TRUE", "yes", "on", "off", "no"] {
            assert!(load(&format!("{key} = {value}"), &[]).is_err(), "{key} = {value}");
        }
        let variable = format!("KEYWARD_{}", key.to_uppercase().replace('.', "__"));
        for value in
            ["True", "FALSE", "yes", "no", "on", "off", "0", "1", "", " true", "false\n", "\"false\""]
        {
            let message = refusal("", &[(&variable, value)]);
            assert!(message.contains("must be true or false"), "{variable}={value:?}: {message}");
        }
        for value in ["true", "false"] {
            assert!(load(&format!("{key} = {value}"), &[]).is_ok(), "{key} = {value}");
            assert!(load("", &[(&variable, value)]).is_ok(), "{variable}={value}");
        }
    }
}

#[test]
fn t11_plain_http_beyond_loopback_needs_an_explicit_word_and_is_warned_about() {
    for listen in ["0.0.0.0:7460", "[::]:7460", "192.0.2.1:7460", "[::ffff:192.0.2.1]:7460"] {
        let text = format!("listen = \"{listen}\"\n");
        let message = refusal(&text, &[]);
        assert!(message.contains("allow_plain_http = true"), "{message}");
        let allowed = load(&(text.clone() + "allow_plain_http = true"), &[]).unwrap();
        assert!(allowed.warnings()[0].contains("unencrypted"), "{:?}", allowed.warnings());
        assert!(load(&(text.clone() + "trusted_proxies = [\"192.0.2.9\"]"), &[]).is_ok());
        if cfg!(feature = "tls") {
            assert!(load(&(text + "[tls]\ncert = \"c\"\nkey = \"k\""), &[]).is_ok());
        }
    }
    for listen in ["127.0.0.1:7460", "127.3.2.1:80", "[::1]:7460", "[::ffff:127.0.0.1]:7460"] {
        let config = load(&format!("listen = \"{listen}\""), &[]).unwrap();
        assert_eq!(config.warnings(), Vec::<String>::new());
    }
    let admin = refusal("admin_listen = \"0.0.0.0:7461\"", &[]);
    assert!(admin.contains("asks for no credential"), "{admin}");
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let cases = [
        ("admin_listen = \"127.0.0.1:7460\"", "both want port 7460"),
        ("[master_key]\nfile = \"a\"\nenv = \"B\"", "keep one of them"),
        ("[master_key]\nenv = \"aGVsbG8=\"", "must be the name of an environment variable"),
        ("[limits]\nheader_bytes = 1024", "is above limits.header_bytes"),
        ("[limits]\nconnections = 100", "connections_per_source is above"),
        ("[dialect.scloud]\nhosts = [\"IAM.example.org\"]", "dialect.scloud.hosts must hold host names"),
        ("[dialect.scloud]\nhosts = [\"a.example:80\"]", "dialect.scloud.hosts must hold host names"),
        ("gate.open = true\ntrusted_proxies = [\"127.0.0.0/8\"]", "names a proxy on this machine"),
        ("gate.open = true\ntrusted_proxies = [\"::1\"]", "names a proxy on this machine"),
        ("dialect.scloud.hosts = [\"a\"]\ndialect.samsung.hosts = [\"a\"]", "the host a stands twice"),
    ];
    for (text, expected) in cases {
        let message = refusal(text, &[]);
        assert!(message.contains(expected), "{text}: {message}");
        assert!(!message.contains("aGVsbG8"), "{message}");
    }
    assert!(load("gate.open = true\ntrusted_proxies = [\"10.0.0.0/8\"]", &[]).is_ok());
    assert!(load("listen = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"", &[]).is_ok());
}

#[test]
fn the_effective_settings_can_be_read_back() {
    let text = "public_url = \"https://a.example/keys\"\ntrusted_proxies = [\"10.0.0.0/8\"]\n[limits]\nheaders = 50\n\
                [dialect.scloud]\nhosts = [\"iam.example.org\"]\nreveal_secret = \"owner\"\n";
    let config = load(text, &[]).unwrap();
    let shown = config.to_redacted_toml().unwrap();
    assert_eq!(load(&shown, &[]).unwrap(), config);
    assert_eq!(load(&Config::default().to_redacted_toml().unwrap(), &[]).unwrap(), Config::default());
}

#[test]
fn what_could_be_a_secret_is_not_shown() {
    let text = "[dialect.samsung]\nsmtp_password = \"hunter2\"\ntoken = \"hunter2\"\nsecret = [\"hunter2\"]\n\
                hook = \"https://user:hunter2@hook.example/x\"\nmore = { private_key = \"hunter2\" }\n";
    let shown = load(text, &[]).unwrap().to_redacted_toml().unwrap();
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("https://[redacted]@hook.example/x"), "{shown}");
}
