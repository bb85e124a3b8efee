//! What is on the disk, and who can read it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use crate::harness::hide::{Hidden, files_under};
use crate::harness::{Key, Server, Setup};

/// Fails unless each file is 0600 and each directory 0700.
fn assert_private(data: &Path, when: &str) {
    let mode = |path: &Path| fs::symlink_metadata(path).unwrap().mode() & 0o7777;
    assert_eq!(mode(data), 0o700, "the data directory {when}");
    let files = files_under(data);
    assert!(!files.is_empty());
    for file in files {
        assert_eq!(mode(&file), 0o600, "{} {when}", file.display());
        assert_eq!(mode(file.parent().unwrap()), 0o700, "{} {when}", file.display());
    }
}

#[test]
fn t64_no_umask_opens_a_file_to_others() {
    for umask in ["umask 000", "umask 777"] {
        let setup = Setup::new().behind(umask);
        let data = setup.data();
        let server = setup.start();
        let private = |when: &str| assert_private(&data, &format!("under {umask} {when}"));
        private("after the start");
        let bob = server.create_member("bob");
        private("after a write");
        server.call(server.administrator(), "DeleteAccessKey", &[("AccessKeyID", &bob.id)]).done();
        private("after a deletion");
        server.kill();
        private("after a kill");
        for command in [&["verify-store"][..], &["audit", "verify"]] {
            assert_eq!(setup.run(command).code, Some(0));
            private("after a look");
        }
        setup.start().stop();
        private("after the end");
    }
}

#[test]
fn t64_a_directory_that_others_can_read_is_closed_or_refused() {
    // Made by the operator, or by the package.
    let setup = Setup::new().behind("umask 000");
    fs::create_dir(setup.data()).unwrap();
    fs::set_permissions(setup.data(), Permissions::from_mode(0o755)).unwrap();
    setup.start().stop();
    assert_private(&setup.data(), "made beforehand");
    // Copied back by hand.
    for file in files_under(&setup.data()).iter().filter(|file| !file.ends_with("master.key")) {
        fs::set_permissions(file, Permissions::from_mode(0o666)).unwrap();
    }
    fs::set_permissions(setup.data(), Permissions::from_mode(0o777)).unwrap();
    setup.start().stop();
    assert_private(&setup.data(), "copied");
    // Somebody's home.
    let setup = Setup::new();
    fs::create_dir(setup.data()).unwrap();
    fs::set_permissions(setup.data(), Permissions::from_mode(0o755)).unwrap();
    fs::write(setup.data().join("letter.txt"), "dear").unwrap();
    let sentence = setup.refusal();
    assert!(sentence.contains(setup.data().to_str().unwrap()), "{sentence}");
    assert_eq!(files_under(&setup.data()).len(), 1, "nothing was made in it");
}

/// Keys that were made, some of them replaced and deleted again.
fn make_secrets(server: &Server, users: usize) -> Vec<Key> {
    let mut keys = Vec::new();
    for number in 0..users {
        let name = format!("user{number}");
        server.create_user(&name);
        let (old, new) = (server.create_key(&name), server.create_key(&name));
        if number % 2 == 0 {
            server.call(server.administrator(), "DeleteAccessKey", &[("AccessKeyID", &old.id)]).done();
            keys.push(server.create_key(&name));
        }
        if number % 5 == 0 {
            server.call(server.administrator(), "DeleteUser", &[("UserName", &name)]).done();
        }
        keys.extend([old, new]);
    }
    keys
}

#[test]
fn t59_no_file_holds_a_secret_in_any_form() {
    let setup = Setup::new();
    let server = setup.start();
    let mut keys = make_secrets(&server, 40);
    keys.push(server.administrator().clone());
    let passwords = ["a-password-to-be-forgotten-1", "a-password-to-be-forgotten-2"];
    let admin = server.administrator();
    server.call(admin, "UpdateLoginProfile", &[("UserName", "user1"), ("Password", passwords[0])]).done();
    let pairs = [
        ("UserName", "with-password"),
        ("AccessKeyStatus", "Inactive"),
        ("LoginProfileStatus", "Active"),
        ("Password", passwords[1]),
    ];
    server.call(admin, "CreateUser", &pairs).done();
    let secrets = keys.iter().map(|key| key.secret.as_str());
    let hidden = Hidden::new(secrets.chain(passwords));
    // While the log of the store is full, after a kill, and after a clean end.
    let files = hidden.assert_not_under(&setup.data());
    assert!(files.iter().any(|file| file.ends_with("keyward.db-wal")), "{files:?}");
    server.kill();
    hidden.assert_not_under(&setup.data());
    setup.start().stop();
    hidden.assert_not_under(&setup.data());
    // It would have been found: ids are there, as they are.
    let ids = Hidden::new(keys.iter().map(|key| key.id.as_str()));
    let found: usize =
        files_under(&setup.data()).iter().map(|file| ids.find(&fs::read(file).unwrap()).len()).sum();
    assert!(found >= keys.len(), "{found}");
}

#[test]
fn t59_no_dump_of_the_process_is_made_or_read_by_its_user() {
    let server = Setup::new().run_by_nobody().start();
    let of_process = |name: &str| format!("/proc/{}/{name}", server.pid());
    let limits = fs::read_to_string(of_process("limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().rev().take(3).collect::<Vec<_>>(), ["bytes", "0", "0"], "{core}");
    // Linux gives the memory of a process that must not be dumped to the superuser, not to the user that it runs as.
    let owner = |name: &str| fs::metadata(of_process(name)).unwrap().uid();
    assert_ne!(owner(""), 0);
    assert_eq!((owner("mem"), owner("environ")), (0, 0));
    server.stop();
}
