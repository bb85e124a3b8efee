//! Commands as a person runs them: arguments and environment in, text and exit code out.

use clap::{Args, Command, FromArgMatches};

use super::*;

/// Exit, standard output, standard error.
fn keyward(arguments: &[&str], environment: &[(&str, &str)]) -> (Exit, String, String) {
    let arguments = ["keyward"].iter().chain(arguments).map(OsString::from);
    let environment = environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = run(arguments, environment, &mut std::io::empty(), &mut out, &mut err);
    (exit, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn temporary_file(name: &str, text: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("keyward-{}-{name}", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn the_default_settings_pass_their_own_check() {
    let (exit, text, err) = keyward(&["config", "default"], &[]);
    assert_eq!((exit, err.as_str()), (Exit::Done, ""));
    assert_eq!(text, crate::config::DEFAULT_TOML);
    let path = temporary_file("default.toml", &text);
    let (exit, shown, err) = keyward(&["config", "check", "--config", path.to_str().unwrap()], &[]);
    std::fs::remove_file(path).unwrap();
    assert_eq!((exit, err.as_str()), (Exit::Done, ""));
    assert!(shown.contains("listen = \"127.0.0.1:7460\"\n"), "{shown}");
}

#[test]
fn check_shows_what_serve_would_run_with() {
    let flags = ["config", "check", "--listen", "127.0.0.1:9", "--data-dir", "/d"];
    let (exit, shown, _) =
        keyward(&flags, &[("KEYWARD_LIMITS__HEADERS", "50"), ("KEYWARD_SECRET_KEY", "hunter2")]);
    assert_eq!(exit, Exit::Done);
    for line in ["listen = \"127.0.0.1:9\"\n", "data_dir = \"/d\"\n", "headers = 50\n"] {
        assert!(shown.contains(line), "{shown}");
    }
    assert!(!shown.contains("hunter2"));
}

#[test]
fn a_refusal_is_one_sentence_on_standard_error_and_exit_code_1() {
    let path = temporary_file("wrong.toml", "\nlisen = \"127.0.0.1:1\"\n");
    let name = path.to_str().unwrap();
    let refused = keyward(&["config", "check", "--config", name], &[]);
    let message = format!("keyward: {name} line 2: there is no setting `lisen`; did you mean `listen`?\n");
    assert_eq!(refused, (Exit::Failed, String::new(), message));
    std::fs::remove_file(path).unwrap();

    let (exit, out, err) = keyward(&["config", "check", "--config", "/nowhere.toml"], &[]);
    assert_eq!((exit, out.as_str()), (Exit::Failed, ""));
    assert!(err.starts_with("keyward: the settings file /nowhere.toml cannot be read: "), "{err}");
    assert_eq!(err.lines().count(), 1);

    let (exit, _, err) = keyward(&["config", "check", "--config", "/dev/zero"], &[]);
    assert_eq!((exit, err.lines().count()), (Exit::Failed, 1));
}

#[test]
fn check_refuses_a_setting_that_only_its_dialect_knows_to_be_wrong() {
    for (variable, value) in [("REVEAL_SECRETS", "owner"), ("REVEAL_SECRET", "nobody"), ("POST_ONLY", "yes")]
    {
        let variable = format!("KEYWARD_DIALECT__SCLOUD__{variable}");
        let (exit, shown, err) = keyward(&["config", "check"], &[(&variable, value)]);
        assert_eq!((exit, shown.as_str()), (Exit::Failed, ""), "{variable}");
        assert!(err.starts_with("keyward: [dialect.scloud]: "), "{err}");
    }
    let (exit, _, err) = keyward(&["config", "check"], &[("KEYWARD_DIALECT__SCLOUD__POST_ONLY", "true")]);
    assert_eq!((exit, err.as_str()), (Exit::Done, ""));
}

#[test]
fn wrong_usage_is_exit_code_2_and_help_is_an_answer() {
    for arguments in [&[][..], &["config"], &["no-such-command"], &["config", "check", "--listen", "here"]] {
        let (exit, out, err) = keyward(arguments, &[]);
        assert_eq!((exit, out.as_str()), (Exit::Usage, ""), "{arguments:?}");
        assert!(!err.is_empty());
    }
    for arguments in [&["--help"][..], &["help", "config", "check"], &["config", "default", "--help"]] {
        let (exit, out, err) = keyward(arguments, &[]);
        assert_eq!((exit, err.as_str()), (Exit::Done, ""), "{arguments:?}");
        assert!(out.contains("Examples:\n"), "{out}");
    }
    assert_eq!(keyward(&["--version"], &[]).1, format!("keyward {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_closed_standard_output_is_a_failure() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    for arguments in [&["keyward", "config", "default"][..], &["keyward", "--help"]] {
        let exit = run(
            arguments.iter().map(OsString::from),
            Vec::new(),
            &mut std::io::empty(),
            &mut Closed,
            &mut Vec::new(),
        );
        assert_eq!(exit, Exit::Failed);
    }
}

/// Arguments of a command, parsed as the frame will parse them.
fn parse<A: Args + FromArgMatches>(arguments: &[&str]) -> Result<A, clap::Error> {
    let command = A::augment_args(Command::new("x").no_binary_name(true));
    command.clone().debug_assert();
    let help = command.clone().render_long_help().to_string();
    assert!(help.contains("Examples:\n"), "{help}");
    A::from_arg_matches(&command.try_get_matches_from(arguments)?)
}

#[test]
fn the_arguments_of_each_command() {
    let serve: serve::ServeArgs =
        parse(&["--config", "c", "--listen", "[::1]:1", "--admin-listen", "127.0.0.1:2", "--data-dir", "d"])
            .unwrap();
    assert_eq!(serve.config_args.config, Some("c".into()));
    let flags = serve.flags();
    assert_eq!(flags.listen, Some("[::1]:1".parse().unwrap()));
    assert_eq!(flags.admin_listen, Some("127.0.0.1:2".parse().unwrap()));
    assert_eq!(flags.data_dir, Some("d".into()));

    let explain: explain::ExplainArgs =
        parse(&["--json", "--now", "2026-01-31T12:00:00+01:00", "--public-url", "https://a.example"])
            .unwrap();
    assert_eq!((explain.json, explain.now), (true, Some(1_769_857_200_000)));
    assert_eq!(explain.public_url[0].to_string(), "https://a.example");
    assert_eq!(parse::<explain::ExplainArgs>(&["--now", "1769857200"]).unwrap().now, Some(1_769_857_200_000));
    for wrong in [["--now", "noon"], ["--now", "9223372036854775807"], ["--public-url", "a.example"]] {
        assert!(parse::<explain::ExplainArgs>(&wrong).is_err(), "{wrong:?}");
    }

    let verify: verify_store::VerifyStoreArgs = parse(&["--data-dir", "d"]).unwrap();
    assert_eq!(verify.config_args.data_dir, Some("d".into()));
    let audit: audit::AuditVerifyArgs = parse(&["--config", "c"]).unwrap();
    assert_eq!(audit.config_args.config, Some("c".into()));
}

#[test]
fn the_manual_has_every_command_and_its_markdown_is_the_documentation() {
    let (exit, markdown, err) = keyward(&["man", "--format", "markdown"], &[]);
    assert_eq!((exit, err.as_str()), (Exit::Done, ""));
    let kept = include_str!("../../../../docs/cli.md");
    assert!(markdown == kept, "docs/cli.md is out of date; run: cargo xtask docs");
    let (exit, roff, _) = keyward(&["man"], &[]);
    assert_eq!(exit, Exit::Done);
    let commands: Vec<&str> = markdown.lines().filter_map(|line| line.strip_prefix("## keyward ")).collect();
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        assert!(roff.contains(&format!(".SH \"KEYWARD {}\"", command.to_uppercase())), "{command}");
        let words: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        assert_eq!(keyward(&words, &[]).0, Exit::Done, "{command}");
    }
}

#[test]
fn completions_know_the_commands_in_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (exit, script, err) = keyward(&["completions", shell], &[]);
        assert_eq!((exit, err.as_str()), (Exit::Done, ""), "{shell}");
        assert!(script.contains("master-key") && script.contains("new-key-file"), "{shell}");
    }
    assert_eq!(keyward(&["completions", "cmd"], &[]).0, Exit::Usage);
}

/// What follows is somebody's comment, another program or a shell's own work.
const ENDS_A_COMMAND: [&str; 7] = ["#", "|", ">", "<", "&&", "||", "\\"];

#[test]
fn every_command_that_the_documentation_shows_can_be_typed() {
    let pages = [
        include_str!("../../../../README.md"),
        include_str!("../../../../docs/operating.md"),
        include_str!("../../../../docs/cli.md"),
    ];
    let mut count = 0;
    for line in pages.iter().flat_map(|page| page.lines()) {
        let shown = line.trim_start_matches([' ', '$']).split("   ").next().unwrap();
        let is_usage = shown.split_whitespace().any(|word| word.starts_with('<') && word.ends_with('>'));
        if !shown.starts_with("keyward ") || is_usage || shown.contains(['[', '"', '\'']) {
            continue;
        }
        let shown = shown.replace("$(date +%F)", "TODAY");
        let words = shown.split_whitespace().take_while(|word| !ENDS_A_COMMAND.contains(word));
        match Arguments::try_parse_from(words) {
            Err(error) if error.use_stderr() && !shown.contains("COMMAND") => panic!("{line}: {error}"),
            _ => count += 1,
        }
    }
    assert!(count > 30, "{count}");
}
