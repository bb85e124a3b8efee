//! The way from a local command to the server that holds the data directory: who can go it, and what cannot come in by it.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;

use crate::harness::http::Request;
use crate::harness::server::plain_sentence;
use crate::harness::store::{Snapshot, audited_actions};
use crate::harness::{Server, Setup};

/// What the socket answers to these bytes.
fn ask(server: &Server, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(server.setup.data().join("admin.sock")).unwrap();
    // It may answer and close before it has read all of an endless line.
    let _ = stream.write_all(bytes).and_then(|()| stream.shutdown(std::net::Shutdown::Write));
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

#[test]
fn t52_only_who_owns_the_data_directory_reaches_the_operations() {
    let server = Server::start();
    let socket = fs::symlink_metadata(server.setup.data().join("admin.sock")).unwrap();
    assert!(socket.file_type().is_socket());
    assert_eq!(socket.mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(server.setup.data()).unwrap().mode() & 0o777, 0o700);
    let rows = Snapshot::of(&server.setup.data());
    // No listener for HTTP knows them, whatever they are called.
    for path in ["/backup", "/master-key/rotate", "/admin", "/api/v1/backup", "/verify-store", "/restore"] {
        for method in ["GET", "POST"] {
            let request = Request::new(method, path);
            assert!(matches!(server.ask(&request).status, 401 | 404), "{method} {path}");
            let status = server.ask_admin_with(&request).status;
            assert!(matches!(status, 404 | 405), "{method} {path} on the admin listener: {status}");
        }
    }
    assert_eq!(Snapshot::of(&server.setup.data()), rows);
    server.stop();
}

#[test]
fn what_is_no_request_is_refused_and_changes_nothing() {
    let server = Server::start();
    let rows = Snapshot::of(&server.setup.data());
    for bytes in [
        &b"\n"[..],
        b"{}\n",
        b"[1]\n",
        b"\xff\xfe\n",
        b"{\"operation\":\"restore\",\"file\":\"/x\"}\n",
        b"{\"operation\":\"backup\"}\n",
        b"{\"operation\":\"backup\",\"file\":\"/x\",\"force\":true}\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        let answer = ask(&server, bytes);
        let refused = answer.is_empty() || answer.starts_with("{\"refused\":");
        assert!(refused, "{}: {answer}", String::from_utf8_lossy(bytes));
    }
    assert!(ask(&server, &vec![b' '; 1 << 20]).len() < 1000);
    assert_eq!(Snapshot::of(&server.setup.data()), rows);
    // It still answers who asks properly.
    assert!(ask(&server, b"{\"operation\":\"master-key-status\"}\n").contains("\"done\""));
    server.stop();
}

#[test]
fn local_commands_reach_a_running_server_and_a_stopped_one_leaves_no_socket() {
    let setup = Setup::new();
    let server = setup.start();
    server.create_member("bob");
    for command in [&["verify-store"][..], &["audit", "verify"], &["master-key", "status"]] {
        let ended = setup.run(command);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{command:?}: {}", ended.out);
    }
    let rows = Snapshot::of(&setup.data());
    server.stop();
    assert!(!setup.data().join("admin.sock").exists());
    for command in [&["verify-store"][..], &["audit", "verify"], &["master-key", "status"]] {
        assert_eq!(setup.run(command).code, Some(0));
    }
    assert_eq!(Snapshot::of(&setup.data()), rows, "looking changes nothing");
    // A kill leaves the socket, and the next start replaces it.
    setup.start().kill();
    assert!(setup.data().join("admin.sock").exists());
    let server = setup.start();
    assert_eq!(setup.run(&["master-key", "status"]).code, Some(0));
    assert!(audited_actions(&setup.data()).iter().all(|action| !action.starts_with("master-key")));
    server.stop();
}

#[test]
fn a_directory_held_by_somebody_without_a_socket_is_told_so() {
    let setup = Setup::new();
    let server = setup.start();
    fs::remove_file(setup.data().join("admin.sock")).unwrap();
    let ended = setup.run(&["verify-store"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    assert!(plain_sentence(&ended.err).contains("stop the server first"), "{}", ended.err);
    server.stop();
}
