//! Gate tokens from the command line to the question.

use signing::Scheme;

use crate::harness::Server;
use crate::harness::shell::Shell;
use crate::harness::signed::Signed;

#[test]
fn a_service_asks_with_its_token_until_it_is_revoked() {
    let server = Server::start();
    let shell = Shell::of_administrator(&server);
    let run = |line: &str| {
        let ended = shell.run(line);
        assert_eq!(ended.code, Some(0), "{line}: {}", ended.err);
        ended.out
    };
    let created = run("gate-token create nginx");
    let token = created.lines().find_map(|line| line.strip_prefix("token")).unwrap().trim().to_owned();
    assert!(token.starts_with("kwg-"), "{created}");
    let signed = Signed::get(Scheme::Scp, server.administrator(), "web.test", "/a");
    let ask = || server.ask(&signed.as_nginx().header("X-Keyward-Gate-Token", &token)).status;
    assert_eq!(ask(), 200);
    let listed = run("gate-token list");
    assert!(listed.contains("nginx") && !listed.contains(&token), "{listed}");
    let twice = shell.run("gate-token create nginx");
    assert_eq!(twice.code, Some(1), "{}", twice.out);
    assert_eq!(run("gate-token revoke nginx"), "nginx can no longer ask the gate\n");
    assert_eq!(ask(), 401);
    let again = shell.run("gate-token revoke nginx");
    assert_eq!(again.code, Some(1));
    assert!(again.err.contains("no gate token"), "{}", again.err);
    assert!(!server.log().contains(&token));
    server.stop();
}
